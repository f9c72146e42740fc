// Somebody with a browser: what people do on the pages, said once.
import { type BrowserContext, type Locator, type Page, expect } from '@playwright/test';
import { awake } from './awake';

export const PASSWORD = 'correct horse battery';

/** The name under which a reply is listed. */
const ASSISTANT = 'AI Assistant';

export class Person {
  constructor(
    readonly name: string,
    readonly context: BrowserContext,
    readonly page: Page,
  ) {}

  /** The same person in another tab, at the same place. */
  async anotherTab(): Promise<Person> {
    const tab = new Person(this.name, this.context, await this.context.newPage());
    await tab.open(this.page.url());
    return tab;
  }

  async signUp(): Promise<void> {
    await this.page.goto('/sign-up');
    await awake(this.page);
    await fillAccount(this.page, this.name);
    await this.page.getByRole('button', { name: 'Make the account' }).click();
    await expect(this.page).not.toHaveURL(/sign-up/);
    await awake(this.page);
  }

  /** Goes to a page and waits until it is awake. */
  async open(path: string): Promise<void> {
    await this.page.goto(path);
    await awake(this.page);
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await awake(this.page);
  }

  get composer(): Locator {
    return this.page.getByRole('textbox', { name: 'Message', exact: true });
  }

  get transcript(): Locator {
    return this.page.getByRole('log', { name: 'Conversation' });
  }

  /** What the assistant wrote, in order. */
  get replies(): Locator {
    return this.transcript.getByRole('article', { name: `${ASSISTANT} wrote` });
  }

  /** What somebody wrote, in order; oneself unless told otherwise. */
  messages(of: string = this.name): Locator {
    return this.transcript.getByRole('article', { name: `${of} wrote` });
  }

  get stop(): Locator {
    return this.page.getByRole('button', { name: 'Stop', exact: true });
  }

  /** Sends a message with the Enter key. */
  async say(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.composer.press('Enter');
    await expect(this.composer).toHaveValue('');
  }

  /** Begins a conversation with a message; waits until it has its own address. */
  async begin(text: string): Promise<void> {
    await this.say(text);
    await expect(this.page).toHaveURL(/\/c\/[0-9a-f-]{36}/);
  }

  /** Waits until the newest reply is over; returns it. */
  async answered(count?: number): Promise<Locator> {
    if (count !== undefined) await expect(this.replies).toHaveCount(count);
    const reply = this.replies.last();
    await expect(finished(reply)).toBeAttached();
    return reply;
  }

  /** Opens the editor of one's first message. */
  async edit(): Promise<Locator> {
    const message = this.messages().first();
    await message.hover();
    await message.getByRole('button', { name: 'Edit message' }).click();
    return this.page.getByRole('textbox', { name: 'Edit message' });
  }

  /** Sends a new version of one's first message while no socket opens any more: it waits. */
  async editInVain(text: string): Promise<Locator> {
    await this.context.routeWebSocket(/.*/, (socket) => void socket.close());
    await this.reload();
    const editor = await this.edit();
    await editor.fill(text);
    await editor.press('Enter');
    await expect(this.page.getByText('Not sent yet')).toBeVisible();
    return editor;
  }

  /** Opens the room's dialog, which stays open, and makes a link there that lets others in. */
  async invitation(): Promise<string> {
    await this.page.getByRole('button', { name: 'Share this conversation' }).click();
    await this.page.getByRole('button', { name: 'Make an invitation link' }).click();
    return this.page.getByRole('textbox', { name: 'Invitation link' }).inputValue();
  }

  /** Chooses something in the account's menu. */
  async account(item: string): Promise<void> {
    await this.page.getByRole('button', { name: `Account of ${this.name}` }).click();
    await this.page.getByRole('menuitem', { name: item }).click();
  }
}

/** What only a reply has that is over. */
export function finished(reply: Locator): Locator {
  return reply.getByRole('button', { name: 'Another reply' });
}

/** A message that the scripted model plays. */
export function script(...lines: string[]): string {
  return ['script:', ...lines].join('\n');
}

/** Fills the name and password of an account form. */
export async function fillAccount(page: Page, name: string, password = PASSWORD): Promise<void> {
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
}
