// A wide window: what one reads and writes stays of a readable width, in the middle of its place; the list is beside it.
import type { Locator } from '@playwright/test';
import { script } from './support/person';
import { expect, test } from './support/test';

const WIDE = { viewport: { width: 2200, height: 1100 } };
/** Pixels: the column's 48 rem, and less than half of them would be a waste. */
const READABLE = { least: 400, most: 768 };

async function edges(what: Locator): Promise<{ left: number; right: number; top: number; bottom: number }> {
  return what.evaluate((element) => {
    const { left, right, top, bottom } = element.getBoundingClientRect();
    return { left, right, top, bottom };
  });
}

/** It is of a readable width and in the middle of `place`; a bar that scrolls may take a little of one side. */
async function centred(what: Locator, place: Locator): Promise<void> {
  const [inner, outer] = [await edges(what), await edges(place)];
  const width = inner.right - inner.left;
  expect(width).toBeGreaterThan(READABLE.least);
  expect(width).toBeLessThanOrEqual(READABLE.most);
  expect(Math.abs(inner.left - outer.left - (outer.right - inner.right))).toBeLessThanOrEqual(20);
}

test('transcript and box are of a readable width and in the middle, and the list is beside them', async ({ person }) => {
  const ada = await person({ browser: WIDE });
  const main = ada.page.getByRole('main');
  const box = ada.page.locator('form').filter({ has: ada.composer });
  await centred(box, main);

  await ada.begin(script(`put ${'A paragraph of many words that goes on and on. '.repeat(40)}`));
  const reply = await ada.answered(1);
  await centred(reply, main);
  await centred(box, main);
  // An own message stands at the right of the same column.
  const [own, column] = [await edges(ada.messages().first()), await edges(reply)];
  expect(Math.abs(own.right - column.right)).toBeLessThanOrEqual(1);
  expect(own.left).toBeGreaterThanOrEqual(column.left - 1);

  const list = ada.page.getByRole('navigation', { name: 'Conversations' });
  await expect(list).toBeVisible();
  const [side, middle] = [await edges(list), await edges(main)];
  expect(side.left).toBe(0);
  expect(side.right).toBeLessThanOrEqual(middle.left);
  expect(middle.right).toBe(WIDE.viewport.width);
  expect([side.top, side.bottom]).toEqual([0, WIDE.viewport.height]);
});
