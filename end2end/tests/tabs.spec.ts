// Every tab sees the same, live, wherever it joins.
import { expect, test } from './support/test';
import { script } from './support/person';

test('two tabs see messages and replies as they come, once each', async ({ person }) => {
  const ada = await person();
  await ada.begin('say first');
  await ada.answered(1);
  const other = await ada.anotherTab();
  await expect(other.replies).toHaveCount(1);

  await other.say('say second');
  await ada.answered(2);
  await expect(ada.messages()).toHaveCount(2);
  await expect(ada.replies.last()).toContainText('second');

  await ada.say('say third');
  await other.answered(3);
  await expect(other.messages()).toHaveCount(3);
  await expect(ada.messages()).toHaveCount(3);
});

test('a tab that joins in the middle of a reply has all of it', async ({ person }) => {
  const ada = await person();
  await ada.begin(script('repeat 40 early', 'wait 1500', 'repeat 40 late'));
  await expect(ada.replies.last()).toContainText('early early');
  const other = await ada.anotherTab();
  const [here, there] = [await ada.answered(1), await other.answered(1)];
  const words = async (reply: typeof here) => (await reply.innerText()).match(/\b(early|late)\b/g)?.join(' ');
  expect(await words(there)).toBe(`${'early '.repeat(40)}${'late '.repeat(40)}`.trim());
  expect(await words(here)).toBe(await words(there));
});

test('a message sent while a reply runs waits its turn', async ({ person }) => {
  const ada = await person();
  await ada.begin(script('say one', 'hang'));
  await expect(ada.replies.last()).toContainText('one');
  await ada.say('say two');
  await expect(ada.replies).toHaveCount(2);
  await expect(ada.replies.last()).toContainText('Waits for the reply before it');
  await ada.stop.click();
  await ada.answered(2);
  await expect(ada.replies.first()).toContainText('Stopped');
  await expect(ada.replies.last()).toContainText('two');
});
