// The list at the side: its groups follow the reader's own days, and what one does with a conversation of it.
import type { Locator } from '@playwright/test';
import type { Person } from './support/person';
import { expect, test } from './support/test';

const DAY = 24 * 60 * 60 * 1000;

/** Opens the menu of a conversation. */
async function menu(person: Person, title: string): Promise<void> {
  const row = person.page.getByRole('navigation', { name: 'Conversations' }).getByRole('listitem').filter({ hasText: title });
  await row.hover();
  await row.getByRole('button', { name: `What to do with «${title}»` }).click();
}

test('conversations stand under the day of their last message, and pinned ones above', async ({ person }) => {
  const ada = await person({ browser: { timezoneId: 'Pacific/Kiritimati' } });
  await ada.begin('say hello');
  await ada.answered(1);
  const list = ada.page.getByRole('navigation', { name: 'Conversations' });
  const groups = list.getByRole('heading');
  await expect(groups).toHaveText(['Today']);

  const now = Date.now();
  for (const [days, group] of [[1, 'Yesterday'], [4, 'Previous 7 days'], [20, 'Previous 30 days'], [60, 'Older']] as const) {
    await ada.page.clock.setFixedTime(now + days * DAY);
    await ada.reload();
    await expect(groups).toHaveText([group]);
    await expect(list.getByRole('link', { name: 'say hello' })).toBeVisible();
  }

  const row = list.getByRole('listitem').filter({ hasText: 'say hello' });
  await row.hover();
  await row.getByRole('button', { name: 'What to do with «say hello»' }).click();
  await row.getByRole('menuitem', { name: 'Pin' }).click();
  await expect(groups).toHaveText(['Pinned']);
});

test('a new day moves them, without a reload', async ({ person, complaints }) => {
  // A tab that slept for a day takes a fresh socket.
  complaints.expect(/WebSocket/);
  const ada = await person();
  await ada.page.clock.install();
  await ada.open('/');
  await ada.begin('say hello');
  await ada.answered(1);
  const groups = ada.page.getByRole('navigation', { name: 'Conversations' }).getByRole('heading');
  await expect(groups).toHaveText(['Today']);
  await ada.page.clock.fastForward(DAY);
  await expect(groups).toHaveText(['Yesterday']);
});

test('a conversation is renamed, here and in every tab, and stays so', async ({ person }) => {
  const ada = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  const list = ada.page.getByRole('navigation', { name: 'Conversations' });
  await expect(list.getByRole('link', { name: 'say hello' })).toBeVisible();
  const other = await ada.anotherTab();

  await menu(ada, 'say hello');
  await ada.page.getByRole('menuitem', { name: 'Rename' }).click();
  const title = list.getByRole('textbox', { name: 'New title' });
  await expect(title).toBeFocused();
  await expect(title).toHaveValue('say hello');
  await title.fill('Plans for the garden');
  await title.press('Enter');
  await expect(title).toHaveCount(0);
  for (const tab of [ada, other]) {
    await expect(tab.page.getByRole('link', { name: 'Plans for the garden' })).toBeVisible();
    await expect(tab.page.getByRole('heading', { level: 2, name: 'Plans for the garden' })).toBeVisible();
    await expect(tab.page.getByRole('link', { name: 'say hello' })).toHaveCount(0);
  }
  await ada.reload();
  await expect(list.getByRole('link', { name: 'Plans for the garden' })).toBeVisible();
  await expect(ada.page).toHaveTitle('Plans for the garden · Parley');
});

/** Opens a conversation's title for writing, by keys. */
async function retitle(person: Person, before: string): Promise<Locator> {
  const list = person.page.getByRole('navigation', { name: 'Conversations' });
  await list.getByRole('link', { name: before }).focus();
  await person.page.keyboard.press('Tab');
  await expect(list.getByRole('button', { name: `What to do with «${before}»` })).toBeFocused();
  await person.page.keyboard.press('Enter');
  await expect(person.page.getByRole('menuitem', { name: 'Pin' })).toBeFocused();
  await person.page.keyboard.press('ArrowDown');
  await expect(person.page.getByRole('menuitem', { name: 'Rename' })).toBeFocused();
  await person.page.keyboard.press('Enter');
  const title = list.getByRole('textbox', { name: 'New title' });
  await expect(title).toBeFocused();
  await expect(title).toHaveValue(before);
  return title;
}

test('keys alone rename, or leave the title as it was', async ({ person }) => {
  const ada = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  const list = ada.page.getByRole('navigation', { name: 'Conversations' });
  await expect(list.getByRole('link', { name: 'say hello' })).toBeVisible();
  const title = await retitle(ada, 'say hello');
  await ada.page.keyboard.type('Not this');
  await ada.page.keyboard.press('Escape');
  await expect(title).toHaveCount(0);
  await expect(list.getByRole('link', { name: 'say hello', exact: true })).toBeVisible();

  await retitle(ada, 'say hello');
  await ada.page.keyboard.press('ControlOrMeta+a');
  await ada.page.keyboard.type('A better name');
  await ada.page.keyboard.press('Enter');
  await expect(list.getByRole('link', { name: 'A better name', exact: true })).toBeVisible();

  // No title at all is not taken.
  await retitle(ada, 'A better name');
  await ada.page.keyboard.press('ControlOrMeta+a');
  await ada.page.keyboard.press('Backspace');
  await ada.page.keyboard.press('Enter');
  await expect(title).toHaveCount(0);
  await expect(list.getByRole('link', { name: 'A better name', exact: true })).toBeVisible();
  await ada.reload();
  await expect(list.getByRole('link', { name: 'A better name', exact: true })).toBeVisible();
});

test('a title that takes no more says how long it may be', async ({ person }) => {
  const ada = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  await expect(ada.page.locator('[aria-current=page]')).toHaveText('say hello');
  const title = await retitle(ada, 'say hello');
  await title.fill('x'.repeat(119));
  await expect(title).toHaveAccessibleDescription('');
  await title.press('End');
  await ada.page.keyboard.type('yz');
  const full = `${'x'.repeat(119)}y`;
  await expect(title).toHaveValue(full);
  await expect(title).toHaveAccessibleDescription('A title has at most 120 characters.');
  await expect(ada.page.getByText('A title has at most 120 characters.')).toBeVisible();
  await title.press('Enter');
  await expect(ada.page.locator('[aria-current=page]')).toHaveText(full);
  // One that is full from the beginning says so at once.
  await expect(await retitle(ada, full)).toHaveAccessibleDescription('A title has at most 120 characters.');
});

test('a title that is opened for writing is selected: what one types takes its place', async ({ person }) => {
  const ada = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  await expect(ada.page.locator('[aria-current=page]')).toHaveText('say hello');
  await retitle(ada, 'say hello');
  await ada.page.keyboard.type('A better name');
  await ada.page.keyboard.press('Enter');
  await expect(ada.page.locator('[aria-current=page]')).toHaveText('A better name');
});

for (const key of ['Enter', 'Escape']) {
  test(`after ${key} in the title the focus is at its conversation again`, async ({ person }) => {
    const ada = await person();
    await ada.begin('say hello');
    await ada.answered(1);
    await expect(ada.page.locator('[aria-current=page]')).toHaveText('say hello');
    const title = await retitle(ada, 'say hello');
    await title.fill('say hello again');
    await title.press(key);
    await expect(title).toHaveCount(0);
    const row = ada.page.getByRole('navigation', { name: 'Conversations' }).getByRole('listitem');
    await expect(row.locator(':focus')).toHaveCount(1);
  });
}

test('a deleted conversation is gone, and Undo brings all of it back', async ({ person }) => {
  const ada = await person();
  await ada.begin('say do not lose me');
  await ada.answered(1);
  const path = new URL(ada.page.url()).pathname;
  const list = ada.page.getByRole('navigation', { name: 'Conversations' });
  const row = list.getByRole('link', { name: 'say do not lose me' });
  await expect(row).toBeVisible();

  await menu(ada, 'say do not lose me');
  await ada.page.getByRole('menuitem', { name: 'Delete' }).click();
  // It was the one shown: the page moves on.
  await expect(ada.page).toHaveURL(/\/$/);
  await expect(row).toHaveCount(0);
  await expect(list.getByText('No conversations yet')).toBeVisible();
  await ada.page.getByRole('status').getByRole('button', { name: 'Undo' }).click();
  await expect(row).toBeVisible();

  await ada.reload();
  await row.click();
  await expect(ada.page).toHaveURL(new RegExp(`${path}$`));
  await expect(ada.messages()).toHaveCount(1);
  await expect(ada.replies).toContainText(['do not lose me']);
  await ada.say('say still here');
  await ada.answered(2);
});

test('without Undo it stays deleted, in other tabs too', async ({ person, complaints }) => {
  complaints.expect(/status 404/, /status of 404/);
  const ada = await person();
  await ada.begin('say away with it');
  await ada.answered(1);
  const path = new URL(ada.page.url()).pathname;
  await expect(ada.page.locator('[aria-current=page]')).toHaveText('say away with it');
  const other = await ada.anotherTab();
  await ada.open('/');

  await menu(ada, 'say away with it');
  await ada.page.getByRole('menuitem', { name: 'Delete' }).click();
  await expect(ada.page.getByText('Conversation deleted.')).toBeVisible();
  // The tab that shows it is told, and shows something else.
  await expect(other.page).not.toHaveURL(/\/c\//);
  await expect(other.page.getByText('no longer here for you')).toBeVisible();
  for (const tab of [ada, other]) {
    await expect(tab.page.getByRole('link', { name: 'say away with it' })).toHaveCount(0);
  }
  await ada.reload();
  await expect(ada.page.getByRole('link', { name: 'say away with it' })).toHaveCount(0);
  await ada.page.goto(path);
  await expect(ada.page.getByText('No such conversation').first()).toBeVisible();
});

test('where more conversations do not come, it says so, and asking again shows them', async ({ person, complaints }) => {
  complaints.expect(/ERR_FAILED/, /Failed to fetch/);
  const ada = await person();
  await ada.page.evaluate(async () => {
    const headers = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' };
    for (let made = 0; made < 101; made += 1) await fetch('/api/create_conversation', { method: 'POST', headers });
  });
  await ada.reload();
  const rows = ada.page.getByRole('navigation', { name: 'Conversations' }).locator('a[href^="/c/"]');
  await expect(rows).toHaveCount(100);
  const more = ada.page.getByRole('button', { name: 'Show more', exact: true });
  await ada.page.route('**/api/list_conversations*', (route) => route.abort());
  await more.click();
  await expect(ada.page.getByRole('status').filter({ hasText: 'The server could not be reached.' })).toBeVisible();
  await expect(rows).toHaveCount(100);
  await ada.page.unroute('**/api/list_conversations*');
  await more.click();
  await expect(rows).toHaveCount(101);
  await expect(more).toHaveCount(0);
});
