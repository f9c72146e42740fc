// Tools that change things ask before they run; any tab may answer.
import { expect, test } from './support/test';
import { script } from './support/person';

const rename = (title: string) => script(`tool rename_conversation {"title": "${title}"}`, 'say finished');

test('a question is answered from another tab, and the tool runs', async ({ person }) => {
  const ada = await person();
  await ada.begin(rename('Holiday plans'));
  const question = ada.page.getByRole('group', { name: /Permission for/ });
  await expect(question).toContainText('Holiday plans');

  const other = await ada.anotherTab();
  await other.page.getByRole('button', { name: 'Allow once' }).click();
  await ada.answered(1);
  await expect(question).toHaveCount(0);
  await expect(ada.replies.last().locator('summary')).toContainText('Done');
  await expect(ada.replies.last()).toContainText('finished');
  await expect(ada.page.getByRole('link', { name: 'Holiday plans' })).toBeVisible();
});

test('denied, it does not run, and the model goes on', async ({ person }) => {
  const ada = await person();
  await ada.begin(rename('Never'));
  await ada.page.getByRole('button', { name: 'Deny', exact: true }).click();
  await ada.answered(1);
  await expect(ada.replies.last().locator('summary')).toContainText('Failed');
  await expect(ada.replies.last()).toContainText('finished');
  await expect(ada.page.getByRole('link', { name: 'Never', exact: true })).toHaveCount(0);
});

test('allowed always, it asks no more', async ({ person }) => {
  const ada = await person();
  await ada.begin(rename('One'));
  await ada.page.getByRole('button', { name: 'Always allow' }).click();
  await ada.answered(1);
  await ada.say(rename('Two'));
  await ada.answered(2);
  await expect(ada.page.getByRole('link', { name: 'Two' })).toBeVisible();
});
