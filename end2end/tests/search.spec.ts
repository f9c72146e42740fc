// Looking for what was said: from the box over the list of conversations to the message itself.
import { expect, test } from './support/test';
import { script } from './support/person';

test('a word of a reply is found, and the hit leads to its message', async ({ person }) => {
  const ada = await person();
  await ada.begin('say the kingfisher dives');
  await ada.answered(1);
  const found = new URL(ada.page.url()).pathname;
  await ada.open('/');
  await ada.begin('say something else');
  await ada.answered(1);

  const box = ada.page.getByRole('searchbox', { name: 'Search your messages' });
  const list = ada.page.getByRole('navigation', { name: 'Conversations' });
  await box.fill('kingfisher');
  await expect(list.getByText('2 found')).toBeAttached();
  const hits = list.getByRole('listitem').filter({ hasText: 'kingfisher' });
  await expect(hits.locator('mark')).toHaveText(['kingfisher', 'kingfisher']);
  // The message and its reply are both there; the shorter text is the reply's.
  await hits.filter({ hasNotText: 'say the kingfisher dives the' }).first().getByRole('link').click();
  await expect(ada.page).toHaveURL(new RegExp(`${found}#m-`));
  const target = ada.page.locator(`article[id="${new URL(ada.page.url()).hash.slice(1)}"]`);
  await expect(target).toContainText('the kingfisher dives');
  await expect(target).toHaveAttribute('data-found', '');
  await expect(target).toBeInViewport();
});

test('Ctrl+K puts the cursor into the box, from wherever one is', async ({ person }) => {
  const ada = await person();
  await expect(ada.composer).toBeFocused();
  const box = ada.page.getByRole('searchbox', { name: 'Search your messages' });
  await ada.page.keyboard.press('Control+k');
  await expect(box).toBeFocused();
  await ada.composer.focus();
  await ada.page.keyboard.press('Control+k');
  await expect(box).toBeFocused();
  // Also where the list is folded away.
  await ada.page.getByRole('button', { name: 'Hide conversations' }).click();
  await expect(box).toBeHidden();
  await ada.composer.focus();
  await ada.page.keyboard.press('Control+k');
  await expect(box).toBeFocused();
});

test('keys alone lead from the box to a hit, and back to the list', async ({ person }) => {
  const ada = await person();
  await ada.begin('say a rare word: sesquipedalian');
  await ada.answered(1);
  const path = new URL(ada.page.url()).pathname;
  await ada.open('/');
  const box = ada.page.getByRole('searchbox', { name: 'Search your messages' });
  const list = ada.page.getByRole('navigation', { name: 'Conversations' });
  await expect(ada.composer).toBeFocused();
  await box.focus();
  await ada.page.keyboard.type('nothing-of-the-kind');
  await expect(list.getByText('Nothing found')).toBeVisible();
  await ada.page.keyboard.press('Escape');
  await expect(box).toHaveValue('');
  await expect(list.getByRole('heading', { name: 'Today' })).toBeVisible();

  await expect(box).toBeFocused();
  await ada.page.keyboard.type('sesquipedalian');
  const hits = list.getByRole('listitem').filter({ hasText: 'sesquipedalian' });
  await expect(hits).toHaveCount(2);
  // Past the button that clears the box.
  await ada.page.keyboard.press('Tab');
  await expect(list.getByRole('button', { name: 'Clear search' })).toBeFocused();
  await ada.page.keyboard.press('Tab');
  await expect(hits.first().getByRole('link')).toBeFocused();
  await ada.page.keyboard.press('Enter');
  await expect(ada.page).toHaveURL(new RegExp(`${path}#m-`));
  await expect(ada.transcript.locator('article[data-found]')).toContainText('sesquipedalian');
});

test('nobody finds what others wrote, and a search for a script finds text', async ({ person }) => {
  const ada = await person();
  const eve = await person();
  await ada.begin(script('put <b>heliotrope</b>'));
  await ada.answered(1);
  await eve.open('/');
  await eve.page.getByRole('searchbox', { name: 'Search your messages' }).fill('heliotrope');
  await expect(eve.page.getByText('Nothing found')).toBeVisible();

  await ada.page.getByRole('searchbox', { name: 'Search your messages' }).fill('heliotrope');
  const list = ada.page.getByRole('navigation', { name: 'Conversations' });
  await expect(list.getByRole('listitem').filter({ hasText: '<b>heliotrope</b>' })).toHaveCount(2);
  await expect(list.locator('b')).toHaveCount(0);
});

test('a conversation is found by its new title, and the hit leads to it', async ({ person }) => {
  const ada = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  const path = new URL(ada.page.url()).pathname;
  const list = ada.page.getByRole('navigation', { name: 'Conversations' });
  const row = list.getByRole('listitem').filter({ hasText: 'say hello' });
  await row.hover();
  await row.getByRole('button', { name: 'What to do with «say hello»' }).click();
  await ada.page.getByRole('menuitem', { name: 'Rename' }).click();
  await list.getByRole('textbox', { name: 'New title' }).fill('Holiday plans');
  await ada.page.keyboard.press('Enter');
  await expect(list.getByRole('link', { name: 'Holiday plans' })).toBeVisible();
  await ada.open('/');

  await ada.page.getByRole('searchbox', { name: 'Search your messages and titles' }).fill('holiday');
  await expect(list.getByText('1 found')).toBeAttached();
  await expect(list.locator('mark')).toHaveText(['Holiday']);
  await list.getByRole('link', { name: 'Holiday plans' }).click();
  await expect(ada.page).toHaveURL(new RegExp(`${path}$`));
  await expect(ada.messages()).toContainText(['say hello']);
});
