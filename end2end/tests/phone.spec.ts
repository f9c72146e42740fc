// A phone: nothing overflows, everything is reachable by a thumb.
import { devices } from '@playwright/test';
import { expect, test } from './support/test';
import { awake } from './support/awake';

const { defaultBrowserType: _, ...phone } = devices['Pixel 7'];

test('one signs up, chats and finds the conversation again on a phone', async ({ person }) => {
  const ada = await person({ browser: phone });
  const overflow = () => ada.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(await overflow()).toBe(0);

  await ada.begin('say a fairly long line of words that has to wrap on a narrow screen, `and_some_code_that_does_not_break_by_itself_at_all`');
  await ada.answered(1);
  expect(await overflow()).toBe(0);
  await expect(ada.composer).toBeInViewport();

  await ada.page.getByRole('button', { name: 'Show conversations' }).tap();
  const here = ada.page.locator('[aria-current=page]');
  await expect(here).toBeInViewport();
  await expect(ada.page.getByRole('button', { name: `Account of ${ada.name}` })).toBeInViewport();
  expect(await overflow()).toBe(0);
});

test('in a conversation it is said that no model is connected, and the head still fits', async ({ person, unscripted }) => {
  const ada = await person({ server: unscripted, browser: { ...phone, viewport: { width: 390, height: 844 } } });
  await ada.begin('help');
  await ada.answered(1);
  const head = ada.page.locator('header');
  await expect(head.getByText('No model connected')).toBeInViewport();
  const title = head.getByRole('heading', { level: 1 });
  expect(await title.evaluate((words) => words.scrollWidth - words.clientWidth), 'the name is cut').toBe(0);
  const ends = await head.evaluate((bar) => [...bar.children].map((child) => child.getBoundingClientRect().right));
  expect(Math.max(...ends)).toBeLessThanOrEqual(390);
  expect(await ada.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
});

test('what one presses is large enough for a finger', async ({ person }) => {
  const ada = await person({ browser: phone });
  await ada.begin('say hello');
  await ada.answered(1);
  const small = await ada.page.getByRole('button').evaluateAll((buttons) =>
    buttons
      .filter((button) => button.checkVisibility())
      .map((button) => ({ name: button.getAttribute('aria-label') ?? button.textContent, box: button.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && (box.width < 24 || box.height < 24))
      .map(({ name }) => name),
  );
  expect(small, 'smaller than WCAG 2.5.8 asks').toEqual([]);
});

test('the list of conversations takes the focus, and Escape or a press beside it closes it', async ({ person }) => {
  const ada = await person({ browser: phone });
  const list = ada.page.getByRole('navigation', { name: 'Conversations' });
  const show = ada.page.getByRole('button', { name: 'Show conversations' });
  await show.tap();
  await expect(list).toBeFocused();
  await ada.page.keyboard.press('Escape');
  await expect(list).toBeHidden();

  await show.tap();
  await expect(list).toBeVisible();
  const { width, height } = ada.page.viewportSize()!;
  await ada.page.touchscreen.tap(width - 8, height / 2);
  await expect(list).toBeHidden();
});

test('a list that was opened before the page woke stays open', async ({ person }) => {
  const ada = await person({ browser: phone });
  let wake = () => {};
  const morning = new Promise<void>((resolve) => (wake = resolve));
  await ada.page.route('**/*.wasm', async (route) => {
    await morning;
    await route.continue();
  });
  await ada.page.goto('/', { waitUntil: 'domcontentloaded' });
  const list = ada.page.getByRole('navigation', { name: 'Conversations' });
  await ada.page.getByRole('button', { name: 'Show conversations' }).tap();
  await expect(list).toBeVisible();
  wake();
  await awake(ada.page);
  await expect(list).toBeVisible();
  await list.getByRole('button', { name: 'Hide conversations' }).tap();
  await expect(list).toBeHidden();
});
