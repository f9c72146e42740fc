// What a conversation shows of its two sides: the head, the portraits, the dots of a reply that is on its way; and
// movement, only for those who like it.
import type { Locator } from '@playwright/test';
import { expect, test } from './support/test';
import { script } from './support/person';

/** The assistant's portrait, wherever it stands. */
const bot = (where: Locator) => where.locator('span.bg-brand-gradient').filter({ has: where.page().locator('svg') });

/** A person's. */
const portrait = (where: Locator) => where.locator('[data-initials]');

/** The dots of a reply that has nothing to show yet. */
const dots = (reply: Locator) => reply.locator('.animate-dot');

/** How an element comes to be seen. */
const animation = (element: Locator) =>
  element.evaluate((found) => {
    const { animationName, animationDuration } = getComputedStyle(found);
    return { name: animationName, seconds: parseFloat(animationDuration) };
  });

/** The animations that run just now. */
const moving = (where: Locator) =>
  where.evaluate((element) =>
    element
      .getAnimations({ subtree: true })
      .filter((one): one is CSSAnimation => one instanceof CSSAnimation && one.playState === 'running')
      .map((one) => one.animationName),
  );

test('the head names the assistant, and each side has its portrait', async ({ person }) => {
  const ada = await person();
  await ada.begin('say hello');
  const reply = await ada.answered(1);
  const head = ada.page.locator('main header');
  await expect(head.getByRole('heading', { level: 1 })).toHaveText('AI Assistant · powered by MCP');
  await expect(head.getByText('AI Assistant')).toBeVisible();
  await expect(head.getByText('powered by MCP')).toBeVisible();
  await expect(bot(head)).toBeVisible();

  const message = ada.messages().first();
  await expect(bot(reply)).toBeVisible();
  await expect(portrait(reply)).toHaveCount(0);
  await expect(portrait(message)).toBeVisible();
  await expect(bot(message)).toHaveCount(0);
  const [first, second] = ada.name.split('-');
  await expect(portrait(message)).toHaveAttribute('data-initials', `${first[0]}${second[0]}`);
  // The style sheet draws them.
  const drawn = await portrait(message).evaluate((element) => getComputedStyle(element, '::before').content);
  expect(['none', 'normal']).not.toContain(drawn);

  // The assistant at the left, oneself at the right.
  const [left, right] = [await bot(reply).boundingBox(), await portrait(message).boundingBox()];
  expect(left!.x + left!.width).toBeLessThan(right!.x);
});

test('dots show that a reply is on its way until it is over, also where it pauses in what it says', async ({ person }) => {
  const ada = await person();
  await ada.begin('say hello');
  await expect(dots(await ada.answered(1))).toHaveCount(0);

  await ada.say(script('hang'));
  await expect(ada.replies).toHaveCount(2);
  const silent = ada.replies.last();
  await expect(dots(silent)).toHaveCount(3);
  for (const dot of await dots(silent).all()) await expect(dot).toBeVisible();
  await expect(silent).toContainText('The assistant is working…');
  await ada.stop.click();
  await ada.answered(2);
  await expect(silent).toContainText('Stopped');
  await expect(dots(ada.transcript)).toHaveCount(0);
  await expect(silent).not.toContainText('The assistant is working…');

  await ada.say(script('say so far', 'hang'));
  await expect(ada.replies.nth(2)).toContainText('so far');
  await expect(dots(ada.replies.nth(2))).toHaveCount(3);
  await ada.stop.click();
  await ada.answered(3);
  await expect(dots(ada.transcript)).toHaveCount(0);
});

test('a new message fades in and dots hop; what was there before stands still', async ({ person }) => {
  const ada = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  await ada.say('say second');
  const { name, seconds } = await animation(await ada.answered(2));
  expect(name).toBe('fade-in');
  expect(seconds).toBeGreaterThan(0.1);

  await ada.say(script('hang'));
  await expect(ada.replies).toHaveCount(3);
  await expect.poll(() => moving(ada.replies.last())).toEqual(['dot', 'dot', 'dot']);
  await ada.stop.click();
  await ada.answered(3);

  await ada.reload();
  await expect(ada.replies).toHaveCount(3);
  for (const reply of await ada.replies.all()) expect((await animation(reply)).name).toBe('none');
});

test('nothing moves for those who want less motion', async ({ person }) => {
  const ada = await person({ browser: { reducedMotion: 'reduce' } });
  await ada.begin('say hello');
  await ada.answered(1);
  await ada.say('say second');
  expect((await animation(await ada.answered(2))).seconds).toBeLessThan(0.01);

  await ada.say(script('hang'));
  await expect(ada.replies).toHaveCount(3);
  const hanging = dots(ada.replies.last());
  await expect(hanging).toHaveCount(3);
  for (const dot of await hanging.all()) {
    expect((await animation(dot)).seconds).toBeLessThan(0.01);
    await expect(dot).toHaveCSS('animation-iteration-count', '1');
    await expect(dot).toBeVisible();
  }
  await expect.poll(() => moving(ada.page.locator('body'))).toEqual([]);
  await ada.stop.click();
  await ada.answered(3);
});
