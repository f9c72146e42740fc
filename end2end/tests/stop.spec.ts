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

test('a stopped reply can be continued', async ({ person }) => {
  const ada = await person();
  await ada.begin(script('say so far', 'hang'));
  await expect(ada.replies.last()).toContainText('so far');
  await ada.composer.press('Escape');
  await expect(ada.replies.last()).toContainText('Stopped');
  await expect(ada.replies.last().getByRole('button', { name: 'Continue' })).toBeVisible();
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
