// The first whole: sign up, write, and see the offline assistant stream a reply that used tools.
import { expect, test } from './support/test';

test('the offline assistant answers with tools, and says that no model is connected', async ({ person, unscripted }) => {
  const ada = await person({ server: unscripted });
  await expect(ada.page.getByText('No model is connected.')).toBeVisible();

  await ada.begin('sum 2 40');
  const reply = await ada.answered(1);
  const call = reply.locator('details').filter({ has: ada.page.locator('summary', { hasText: 'Sum' }) });
  await expect(call.locator('summary')).toContainText('Done');
  await expect(reply).toContainText('42');

  await call.locator('summary').click();
  await expect(call).toContainText('Arguments');
  await expect(call).toContainText('40');
  await expect(call).toContainText('Result');
  await expect(call.locator('pre').last()).toHaveText('2 + 40 = 42');
  await expect(reply.locator('strong')).toHaveText('42');
});

test('several requests at once are several calls', async ({ person, unscripted }) => {
  const ada = await person({ server: unscripted });
  await ada.begin('sum 2 40\nsentiment I love how quick this is!');
  const reply = await ada.answered(1);
  await expect(reply.locator('summary')).toHaveCount(2);
  await expect(reply.locator('summary').filter({ hasText: 'Done' })).toHaveCount(2);
  await expect(reply).toContainText(/positive/i);
});

test('what was said is there after a reload, once, and the list has its title', async ({ person, unscripted }) => {
  const ada = await person({ server: unscripted });
  await ada.begin('sum 3 4');
  await ada.answered(1);
  await ada.say('help');
  await ada.answered(2);
  await ada.reload();
  await expect(ada.messages()).toHaveCount(2);
  await expect(ada.replies).toHaveCount(2);
  await expect(ada.replies.first()).toContainText('7');
  const here = ada.page.getByRole('link', { name: /\S/ }).and(ada.page.locator('[aria-current=page]'));
  await expect(here).not.toHaveText('New chat');
});

test('a failed reply keeps its text, says why and can be tried again', async ({ person }) => {
  const ada = await person();
  await ada.begin('say half of it\nfail overloaded');
  const reply = await ada.answered(1);
  await expect(reply).toContainText('half of it');
  await expect(reply.getByRole('alert').or(reply.getByRole('status')).first()).toBeVisible();
  await reply.getByRole('button', { name: /Try again/ }).click();
  await expect(ada.replies.last().getByRole('group', { name: 'Versions' })).toContainText('2/2');
});
