// A reply that fails says why in a sentence of its own, keeps what it had, and can be tried again.
import { expect, test } from './support/test';
import { script } from './support/person';

/** What fails, what is said of it, and what the button says. */
const FAULTS = [
  ['rate_limited', 'The provider limits how often this server may ask. Try again in a moment.', 'Try again'],
  ['overloaded', "The model's provider is overloaded just now. Try again in a moment.", 'Try again'],
  ['too_long', "This conversation no longer fits the model's window.", 'Try again'],
  ['refused', "The provider's content policy refused this request.", 'Try again'],
  ['cut', 'The connection to the model ended in the middle of the reply. Try again. What came so far is kept.', 'Try again'],
  ['unreachable', "The model's provider cannot be reached just now. Try again in a moment.", 'Try again'],
  ['protocol', "The model's provider sent an answer that could not be understood. Try again.", 'Try again'],
  ['credentials', "The provider does not accept this server's key, or its credit is used up.", 'Try again anyway'],
  ['rejected', 'The provider did not accept the request for this model.', 'Try again anyway'],
] as const;

for (const [fault, sentence, button] of FAULTS) {
  test(`${fault}: the text is kept, the reason is said, and one can try again`, async ({ person }) => {
    const ada = await person();
    await ada.begin(script('say half of it', `fail ${fault} vendor-internal-words`));
    const reply = await ada.answered(1);
    const reason = reply.getByRole('alert');
    const said = async () => {
      await expect(reason).toContainText(sentence);
      await expect(reply.locator('.prose-chat')).toHaveText('half of it');
      // What the vendor said is for the log.
      await expect(reply).not.toContainText('vendor-internal-words');
    };
    await said();
    await ada.reload();
    await said();
    await reason.getByRole('button', { name: button, exact: true }).click();
    await expect(ada.replies.last().getByRole('group', { name: 'Versions' })).toContainText('2/2');
    await ada.answered(1);
    await said();
    // The box is free: what is said next is answered.
    await ada.say('say better now');
    await expect(await ada.answered(2)).toContainText('better now');
  });
}

test('before the first word there is the reason alone, and for a long conversation what one can do', async ({ person }) => {
  const ada = await person();
  await ada.begin(script('fail too_long'));
  const reply = await ada.answered(1);
  await expect(reply.getByRole('alert')).toContainText("no longer fits the model's window");
  await expect(reply.getByRole('alert')).toContainText('Begin a new chat, or edit an earlier message');
  await expect(reply.locator('.prose-chat')).toHaveCount(0);
});

test('a connection that breaks is told as one, and a refusal of the model as its own', async ({ person }) => {
  const ada = await person();
  await ada.begin(script('say half of it', 'cut'));
  let reply = await ada.answered(1);
  await expect(reply.getByRole('alert')).toContainText('ended in the middle of the reply. Try again. What came so far is kept.');
  await expect(reply.locator('.prose-chat')).toHaveText('half of it');
  await ada.say(script('say I would rather not', 'stop refusal'));
  reply = await ada.answered(2);
  await expect(reply.getByRole('alert')).toContainText('The model declined to answer this.');
  await ada.say('script:');
  reply = await ada.answered(3);
  await expect(reply.getByRole('alert')).toContainText('The model sent an empty reply. Try again.');
});

test('a reply that reached the limit of the model says so, and goes on when asked', async ({ person }) => {
  const ada = await person();
  await ada.begin(script('say a very long story', 'stop max_tokens'));
  const reply = await ada.answered(1);
  const reason = reply.getByRole('status').filter({ hasText: /reached the most this model may write at once .* Continue to get the rest\./ });
  await expect(reason.getByRole('button')).toHaveText(['Continue', 'Try again anyway']);
  const more = reply.getByRole('button', { name: 'Continue', exact: true });
  await expect(more).toBeVisible();
  await more.click();
  await expect(ada.replies.last().getByRole('group', { name: 'Versions' })).toContainText('2/2');
  await ada.answered(1);
  await expect(ada.replies.last()).toContainText(/a very long story\s*You said: Your last reply was cut off/);
});
