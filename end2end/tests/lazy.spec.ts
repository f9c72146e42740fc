// Parts of the page that are downloaded when they are first needed: on a slow network, without one, and how they are
// served.
import type { Page } from '@playwright/test';
import { expect, test } from './support/test';
import { awake } from './support/awake';
import { fillAccount } from './support/person';

/** Files of parts; what every page loads is called `parley`. */
const PART = /\/pkg\/(split|chunk)_[^/]+\.wasm$/;

/** The parts a page fetches from now on. */
function parts(page: Page): string[] {
  const urls: string[] = [];
  page.on('request', (request) => {
    if (PART.test(request.url())) urls.push(request.url());
  });
  return urls;
}

test('who only signs in and reads downloads no part', async ({ person, visitor }) => {
  const ada = await person();
  await ada.begin('say **hello**');
  await ada.answered(1);
  const path = new URL(ada.page.url()).pathname;
  const { page } = await visitor();
  const fetched = parts(page);
  await page.goto(`/sign-in?next=${path}`);
  await awake(page);
  await page.getByLabel('Password', { exact: true }).fill('seen');
  await page.getByRole('button', { name: 'Show password' }).click();
  await expect(page.getByLabel('Password', { exact: true })).toHaveAttribute('type', 'text');
  await page.getByRole('button', { name: 'Hide password' }).click();
  await expect(page.getByLabel('Password', { exact: true })).toHaveAttribute('type', 'password');
  await fillAccount(page, ada.name);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`${path}$`));
  await awake(page);
  await expect(page.getByRole('log').locator('strong')).toHaveText(['hello', 'hello']);
  expect(fetched).toEqual([]);
});

test('on a slow network a part says that it comes, and comes', async ({ person }) => {
  const ada = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  await ada.reload();
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await ada.page.route(PART, async (route) => {
    await held;
    await route.continue();
  });
  await ada.say('say **bold**');
  await ada.answered(2);
  await expect(ada.replies.last()).toContainText('**bold**');
  await ada.page.getByRole('button', { name: 'Share this conversation' }).click();
  const dialog = ada.page.getByRole('dialog');
  await expect(dialog.getByText('Loading…')).toBeVisible();
  release();
  await expect(dialog.getByRole('button', { name: 'Make an invitation link' })).toBeVisible();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await expect(ada.replies.last().locator('strong')).toHaveText('bold');
});

test('without a network a part says so, and comes when it is asked for again', async ({ person, complaints }) => {
  complaints.expect(/ERR_INTERNET_DISCONNECTED/, /ERR_FAILED/, /Failed to fetch/, /WebSocket/);
  const ada = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  await ada.reload();
  await ada.page.route(PART, (route) => route.abort('internetdisconnected'));
  await ada.page.getByRole('button', { name: 'Share this conversation' }).click();
  const dialog = ada.page.getByRole('dialog');
  await expect(dialog.getByRole('alert')).toContainText('could not be loaded');
  await dialog.getByRole('button', { name: 'Close' }).click();
  await ada.say('say **plain**');
  await ada.answered(2);
  await expect(ada.replies.last()).toContainText('**plain**');
  await expect(ada.replies.last()).toContainText('could not be loaded');

  await ada.page.unroute(PART);
  await ada.replies.last().getByRole('button', { name: 'Try again' }).click();
  await expect(ada.replies.last().locator('strong')).toHaveText('plain');
  await ada.page.getByRole('button', { name: 'Share this conversation' }).click();
  await expect(dialog.getByRole('button', { name: 'Make an invitation link' })).toBeVisible();
});

test('without a network one can leave the editor that did not come', async ({ person, complaints }) => {
  complaints.expect(/ERR_INTERNET_DISCONNECTED/, /ERR_FAILED/, /Failed to fetch/, /WebSocket/);
  const ada = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  await ada.reload();
  await ada.page.route(PART, (route) => route.abort('internetdisconnected'));
  const message = ada.messages().first();
  await message.hover();
  await message.getByRole('button', { name: 'Edit message' }).click();
  await expect(message.getByRole('alert')).toContainText('could not be loaded');
  await message.getByRole('button', { name: 'Cancel' }).click();
  await expect(message).toContainText('say hello');
  await expect(ada.composer).toBeFocused();
});

test('a page that cannot wake without its part asks to try again', async ({ person, complaints }) => {
  complaints.expect(/ERR_INTERNET_DISCONNECTED/, /ERR_FAILED/, /Failed to fetch/);
  const ada = await person();
  // A network goes bit by bit: what is asked for again must not be given what is still failing.
  let [gone, asked] = [true, 0];
  await ada.page.route(PART, async (route) => {
    if (!gone) return route.continue();
    asked += 1;
    if (asked > 1) await new Promise((resolve) => setTimeout(resolve, 700));
    return route.abort('internetdisconnected');
  });
  await ada.page.goto('/settings');
  const note = ada.page.getByRole('alert').filter({ hasText: 'could not be loaded' });
  await expect(note).toBeVisible();
  gone = false;
  await note.getByRole('button', { name: 'Try again' }).click();
  await awake(ada.page);
  await expect(note).toHaveCount(0);
  await ada.page.getByRole('link', { name: 'Conversations' }).click();
  await expect(ada.composer).toBeVisible();
});

test('a page is reached from the chat without loading a document', async ({ person }) => {
  const ada = await person();
  await ada.account('Settings');
  await expect(ada.page.getByRole('heading', { name: 'Account', exact: true })).toBeVisible();
  await expect(ada.page.getByLabel('New password', { exact: true })).toBeVisible();
});

test('every part is for ever, named after its content and compressed', async ({ server }) => {
  const html = await (await fetch(`${server.url}/sign-in`)).text();
  const script = /href="(\/pkg\/parley\.[^"]+\.js)"/.exec(html)?.[1] ?? '';
  const source = await (await fetch(`${server.url}${script}`)).text();
  const names = [...new Set([...source.matchAll(/"\.\/((?:split|chunk)_[^"]+\.wasm)"/g)].map((match) => match[1]))];
  expect(names.length).toBeGreaterThanOrEqual(3);
  for (const name of names) {
    expect(name).toMatch(/\.[0-9a-f]{16}\.wasm$/);
    const answer = await fetch(`${server.url}/pkg/${name}`, { headers: { 'accept-encoding': 'br' } });
    expect(answer.status, name).toBe(200);
    expect(answer.headers.get('cache-control'), name).toMatch(/max-age=31536000.*immutable/);
    expect(answer.headers.get('content-type'), name).toBe('application/wasm');
    const large = (await answer.arrayBuffer()).byteLength > 1000;
    if (large) expect(answer.headers.get('content-encoding'), name).toBe('br');
  }
});
