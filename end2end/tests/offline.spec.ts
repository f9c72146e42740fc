// The browser itself has no network: what is written meanwhile is kept and sent afterwards. Where Parley is still reached,
// because it is on this very machine, nothing changes.
import type { WebSocketRoute } from '@playwright/test';
import { expect, test } from './support/test';
import type { Person } from './support/person';
import { script } from './support/person';

const COMPLAINTS = [/WebSocket/, /ERR_INTERNET_DISCONNECTED/, /ERR_NETWORK/];

/** The way to Parley, which a test cuts: `setOffline` alone leaves open sockets as they are. */
class Way {
  private open = true;
  private readonly sockets = new Set<WebSocketRoute>();

  private constructor(private readonly person: Person) {}

  /** Lies down below the page's next load. */
  static async to(person: Person): Promise<Way> {
    const way = new Way(person);
    await person.context.routeWebSocket(/.*/, (socket) => {
      if (!way.open) return void socket.close();
      socket.connectToServer();
      way.sockets.add(socket);
    });
    await person.open('/');
    return way;
  }

  async cut(): Promise<void> {
    this.open = false;
    await this.person.context.setOffline(true);
    for (const socket of this.sockets) await socket.close();
    this.sockets.clear();
    await expect(this.banner).toBeVisible();
  }

  async mend(): Promise<void> {
    this.open = true;
    await this.person.context.setOffline(false);
    await expect(this.banner).toHaveCount(0);
  }

  private get banner() {
    return this.person.page.getByText(/^Not connected, and your browser is offline\. What you write is kept and sent later/);
  }
}

test('a browser that believes itself offline goes on talking to a Parley that it reaches', async ({ person }) => {
  const ada = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  await ada.page.evaluate(() => window.dispatchEvent(new Event('offline')));
  await ada.say('say still here');
  await expect(await ada.answered(2)).toContainText('still here');
  await expect(ada.page.getByText(/Not connected/)).toHaveCount(0);
});

test('offline, messages are kept; online again they are sent in order, once', async ({ person, complaints }) => {
  complaints.expect(...COMPLAINTS);
  const ada = await person();
  const way = await Way.to(ada);
  await ada.begin('say hello');
  await ada.answered(1);
  await way.cut();
  await ada.say('say first');
  await ada.say('say second');
  const waiting = ada.page.getByText('Not sent yet');
  await expect(waiting).toHaveCount(2);
  await expect(ada.messages()).toHaveCount(1);

  await way.mend();
  await ada.answered(3);
  await expect(waiting).toHaveCount(0);
  await expect(ada.page.getByText('Sending…')).toHaveCount(0);
  await expect(ada.messages()).toContainText(['say hello', 'say first', 'say second']);
  await expect(ada.replies).toContainText(['hello', 'first', 'second']);
  await ada.reload();
  await expect(ada.messages()).toHaveCount(3);
  await expect(ada.replies).toHaveCount(3);
});

test('what waits can be taken back, and is not sent then', async ({ person, complaints }) => {
  complaints.expect(...COMPLAINTS);
  const ada = await person();
  const way = await Way.to(ada);
  await ada.begin('say hello');
  await ada.answered(1);
  await way.cut();
  await ada.say('say never mind');
  await ada.page.getByRole('button', { name: 'Take back' }).click();
  await expect(ada.page.getByText('Not sent yet')).toHaveCount(0);
  await expect(ada.composer).toHaveValue('say never mind');
  await ada.composer.fill('say this instead');
  await ada.composer.press('Enter');
  await expect(ada.page.getByText('Not sent yet')).toBeVisible();
  await way.mend();
  await ada.answered(2);
  await expect(ada.messages()).toContainText(['say hello', 'say this instead']);
  await expect(ada.messages()).toHaveCount(2);
});

test('a new version that waits can be taken back into its editor', async ({ person, complaints }) => {
  complaints.expect(...COMPLAINTS);
  const ada = await person();
  const way = await Way.to(ada);
  await ada.begin('say hello');
  await ada.answered(1);
  const editor = await ada.edit();
  await editor.fill('say good morning');
  await way.cut();
  await editor.press('Enter');
  await expect(ada.page.getByText('Not sent yet')).toBeVisible();
  await ada.page.getByRole('button', { name: 'Take back' }).click();
  await expect(editor).toHaveValue('say good morning');
  await expect(ada.composer).toHaveValue('');
  await way.mend();
  await editor.press('Enter');
  await expect(ada.messages().first().getByRole('group', { name: 'Versions' })).toContainText('2/2');
  await expect(ada.messages()).toHaveCount(1);
  await expect(await ada.answered(1)).toContainText('good morning');
});

test('a reply that was being written is there in full afterwards', async ({ person, complaints }) => {
  complaints.expect(...COMPLAINTS);
  const ada = await person();
  const way = await Way.to(ada);
  await ada.begin(script('say begun', 'wait 3000', 'say and ended'));
  await expect(ada.replies.last()).toContainText('begun');
  await way.cut();
  await expect(ada.replies.last()).toContainText('begun');
  await way.mend();
  await ada.answered(1);
  await expect(ada.replies.last()).toContainText(/begun\s*and ended/);
});

test('a new conversation cannot be begun without a network: the words come back, and go when it does', async ({ person, complaints }) => {
  complaints.expect(...COMPLAINTS, /Failed to fetch/);
  const ada = await person();
  const way = await Way.to(ada);
  await way.cut();
  await ada.composer.fill('say later');
  await ada.composer.press('Enter');
  await expect(ada.page.getByRole('alert').filter({ hasText: 'The server could not be reached.' })).toBeVisible();
  await expect(ada.composer).toHaveValue('say later');
  await way.mend();
  await ada.composer.press('Enter');
  await expect(ada.page).toHaveURL(/\/c\//);
  await expect(await ada.answered(1)).toContainText('later');
});
