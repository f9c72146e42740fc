// What one has written and not sent: it is kept in the browser, for its writer alone.
import { awake } from './support/awake';
import { expect, test } from './support/test';
import { fillAccount, Person } from './support/person';

async function signIn(person: Person): Promise<void> {
  await person.page.goto('/sign-in');
  await awake(person.page);
  await fillAccount(person.page, person.name);
  await person.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(person.page.getByRole('heading', { name: `Hello, ${person.name}.` })).toBeVisible();
  await awake(person.page);
}

test('a draft waits for its writer, and whoever signs in with the same browser does not see it', async ({ person }) => {
  const [ada, bob] = [await person(), await person()];
  await ada.composer.fill('a secret of mine');
  await ada.reload();
  await expect(ada.composer).toHaveValue('a secret of mine');

  await ada.account('Sign out');
  await expect(ada.page).toHaveURL(/\/sign-in/);
  const next = new Person(bob.name, ada.context, ada.page);
  await signIn(next);
  await expect(next.composer).toHaveValue('');
  await next.composer.fill('his own');
  await next.account('Sign out');
  await expect(ada.page).toHaveURL(/\/sign-in/);
  await signIn(ada);
  await expect(ada.composer).toHaveValue('a secret of mine');
});

test('a refused text is a draft again, and survives a reload', async ({ person, startServer, complaints }) => {
  complaints.expect(/429/);
  const server = await startServer({ PARLEY_RATE_SEND: '1/1h' });
  const ada = await person({ server });
  await ada.begin('say hello');
  await ada.answered(1);
  await ada.composer.fill('one too many');
  await ada.composer.press('Enter');
  await expect(ada.composer).toHaveValue('one too many');
  await ada.reload();
  await expect(ada.composer).toHaveValue('one too many');
});

test('a half-written new version survives a reload, and is forgotten when it is given up', async ({ person }) => {
  const ada = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  const editor = await ada.edit();
  await editor.fill('say good mor');
  await ada.reload();
  await ada.edit();
  await expect(editor).toHaveValue('say good mor');
  await expect(ada.composer).toHaveValue('');

  await editor.press('Escape');
  await expect(editor).toHaveCount(0);
  await ada.edit();
  await expect(editor).toHaveValue('say hello');
  await editor.fill('say good night');
  await ada.page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await expect(editor).toHaveCount(0);
  await ada.reload();
  await ada.edit();
  await expect(editor).toHaveValue('say hello');
});

test('a refused new version is a draft of its message, and survives a reload', async ({ person, startServer }) => {
  const server = await startServer({ PARLEY_RATE_SEND: '1/1h' });
  const ada = await person({ server });
  await ada.begin('say hello');
  await ada.answered(1);
  const editor = await ada.edit();
  await editor.fill('say another');
  await editor.press('Enter');
  await expect(ada.page.getByRole('alert').filter({ hasText: /Try again in/ })).toBeVisible();
  await expect(editor).toHaveValue('say another');
  await ada.reload();
  await ada.edit();
  await expect(editor).toHaveValue('say another');
  await expect(ada.composer).toHaveValue('');
});

test('a version that comes back stands before what was written in its editor since', async ({ person, complaints }) => {
  complaints.expect(/WebSocket/);
  const ada = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  const editor = await ada.editInVain('say good morning');
  await ada.edit();
  await expect(editor).toHaveValue('say hello');
  await editor.fill('say good night');
  await ada.page.getByRole('button', { name: 'Take back' }).click();
  await expect(editor).toHaveValue('say good morning\n\nsay good night');
  await ada.reload();
  await ada.edit();
  await expect(editor).toHaveValue('say good morning\n\nsay good night');
});

/** What keeps a browser from keeping anything. */
const NO_STORAGE: Record<string, () => void> = {
  full: () => {
    Storage.prototype.setItem = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
  },
  forbidden: () => {
    const get = (): never => {
      throw new DOMException('forbidden', 'SecurityError');
    };
    Object.defineProperty(window, 'localStorage', { get });
  },
};

for (const [how, forbid] of Object.entries(NO_STORAGE)) {
  test(`a ${how} storage loses nothing that this tab is to send`, async ({ person }) => {
    const ada = await person();
    await ada.page.addInitScript(forbid);
    await ada.open('/');
    await ada.begin('say hello');
    await expect(await ada.answered(1)).toContainText('hello');
    await ada.say('say again');
    await expect(await ada.answered(2)).toContainText('again');
    await expect(ada.messages()).toHaveCount(2);

    // A draft waits as long as the tab is there.
    await ada.composer.fill('not yet sent');
    await ada.page.getByRole('link', { name: 'New chat', exact: true }).click();
    await expect(ada.composer).toHaveValue('');
    await ada.page.goBack();
    await expect(ada.messages()).toHaveCount(2);
    await expect(ada.composer).toHaveValue('not yet sent');
  });
}
