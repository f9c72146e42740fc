// A reply ends early only by Stop, from any tab, and keeps what it had.
import { expect, test } from './support/test';
import { finished, script } from './support/person';

test('Stop ends a reply that would never end, from another tab too', async ({ person }) => {
  const ada = await person();
  await ada.begin(script('say so far', 'hang'));
  await expect(ada.replies.last()).toContainText('so far');
  const other = await ada.anotherTab();
  await expect(other.replies.last()).toContainText('so far');
  await other.stop.click();
  for (const tab of [ada, other]) {
    await expect(tab.replies.last()).toContainText('Stopped');
    await expect(tab.replies.last()).toContainText('so far');
    await expect(tab.stop).toHaveCount(0);
  }
  await ada.say('say next');
  await expect(finished(ada.replies.last())).toBeAttached();
  await expect(ada.replies.last()).toContainText('next');
});

test('a stopped reply can be continued: the rest is put after what it had, once', async ({ person }) => {
  const ada = await person();
  await ada.begin(script('say so far', 'hang'));
  await expect(ada.replies.last()).toContainText('so far');
  await ada.composer.press('Escape');
  await expect(ada.replies.last()).toContainText('Stopped');
  await ada.replies.last().getByRole('button', { name: 'Continue' }).click();

  // The model is asked to go on; the scripted one says what it was asked.
  const versions = ada.replies.last().getByRole('group', { name: 'Versions' });
  await expect(versions).toContainText('2/2');
  const whole = async () => {
    const reply = await ada.answered(1);
    await expect(reply).toContainText(/so far\s*You said: Your last reply was cut off/);
    const words = await reply.locator('.prose-chat').allInnerTexts();
    expect(words.join('\n').match(/so far/g)).toHaveLength(1);
    expect(words.join('\n').match(/You said/g)).toHaveLength(1);
    await expect(reply).not.toContainText('Stopped');
    await expect(reply.getByRole('button', { name: 'Continue' })).toHaveCount(0);
  };
  await whole();
  await expect(ada.messages()).toHaveCount(1);
  await ada.reload();
  await whole();

  // What had been stopped is still there, as the version before.
  await versions.getByRole('button', { name: 'Version before' }).click();
  await expect(ada.replies.last()).toContainText('Stopped');
  await expect(ada.replies.last()).not.toContainText('You said');
});

test('closing the tab does not stop a reply', async ({ person }) => {
  const ada = await person();
  await ada.begin(script('say begun', 'wait 1000', 'say and ended'));
  await expect(ada.replies.last()).toContainText('begun');
  const url = ada.page.url();
  await ada.page.goto('about:blank');
  await ada.open(url);
  await ada.answered(1);
  await expect(ada.replies.last()).toContainText('and ended');
});
