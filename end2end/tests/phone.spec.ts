// A phone: nothing overflows, everything is reachable by a thumb.
import { devices } from '@playwright/test';
import { expect, test } from './support/test';

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
