// Tools that change things ask before they run; any tab may answer, with other arguments, for longer, after a restart.
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
  await expect(ada.replies.last().locator('summary')).toContainText('Denied');
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

test('the arguments are changed before it runs, and the reply says so', async ({ person, complaints }) => {
  complaints.expect(/status 422/, /status of 422/);
  const ada = await person();
  await ada.begin(script('tool rename_conversation {"title": "Engines"}', 'echo'));
  const question = ada.page.getByRole('group', { name: /Permission for/ });
  await question.getByText('Change the arguments').click();
  const box = question.getByRole('textbox', { name: 'Arguments' });
  await box.fill('{"title": 1}');
  await question.getByRole('button', { name: 'Allow once' }).click();
  await expect(question.getByRole('alert')).toContainText('`title` must be a string');
  await box.fill('{"title": "Brass"}');
  await question.getByRole('button', { name: 'Allow once' }).click();
  const reply = await ada.answered(1);
  await expect(reply).toContainText('The person changed the arguments');
  await expect(ada.page.getByRole('link', { name: 'Brass' })).toBeVisible();
  await reply.locator('summary').first().click();
  await expect(reply).toContainText(`${ada.name} changed them`);
});

test('allowed in this conversation, it asks in others', async ({ person }) => {
  const ada = await person();
  await ada.begin(rename('One'));
  await ada.page.getByText('More choices').click();
  await ada.page.getByRole('button', { name: 'Allow in this conversation' }).click();
  await ada.answered(1);
  await ada.say(rename('Two'));
  await ada.answered(2);
  await expect(ada.page.getByRole('link', { name: 'Two' })).toBeVisible();
  await ada.open('/');
  await ada.begin(rename('Three'));
  await expect(ada.page.getByRole('group', { name: /Permission for/ })).toBeVisible();
});

test('a question outlives a kill of the server', async ({ person, startServer, complaints }) => {
  complaints.expect(/WebSocket/, /ERR_CONNECTION/, /Failed to load/);
  const server = await startServer();
  const ada = await person({ server });
  await ada.begin(rename('After all'));
  const question = ada.page.getByRole('group', { name: /Permission for/ });
  await expect(question).toContainText('After all');
  await server.kill();
  await server.up();
  await ada.reload();
  await expect(question).toContainText('After all');
  await question.getByRole('button', { name: 'Allow once' }).click();
  await ada.answered(1);
  await expect(ada.page.getByRole('link', { name: 'After all' })).toBeVisible();
});

test('what is switched off in a conversation is not there for the assistant', async ({ person }) => {
  const ada = await person();
  await ada.begin(script('say hello'));
  await ada.answered(1);
  await ada.page.getByRole('button', { name: 'Tools in this conversation' }).click();
  const sum = ada.page.getByRole('checkbox', { name: 'Sum' });
  await expect(sum).toBeChecked();
  const switched = ada.page.waitForResponse((answer) => answer.url().includes('/api/switch_tool'));
  await sum.uncheck();
  expect((await switched).ok()).toBe(true);
  await ada.page.keyboard.press('Escape');
  await ada.say(script('tool sum {"numbers": [1, 2]}', 'echo'));
  await expect(await ada.answered(2)).toContainText('switched off in this conversation');
});

test('an administrator binds everybody, and the record says by what a call was denied', async ({ person, startServer }) => {
  const server = await startServer();
  const root = await person({ server });
  await root.open('/settings/tools');
  await root.page.getByLabel('Tool or server').selectOption({ value: 'tool:rename_conversation' });
  await root.page.getByLabel('Rule', { exact: true }).selectOption('deny');
  await root.page.getByRole('button', { name: 'Set the rule' }).click();
  await expect(root.page.getByText('is denied to everybody')).toBeVisible();

  const ada = await person({ server });
  await ada.begin(rename('Never'));
  await ada.answered(1);
  await expect(ada.replies.last().locator('summary').first()).toContainText('Failed');
  await ada.open('/settings/tools');
  await expect(ada.page.getByText('An administrator lets nobody use it.')).toBeVisible();
  await expect(ada.page.getByRole('region', { name: 'Tool rules for everybody' })).toHaveCount(0);
  await ada.page.getByRole('link', { name: 'Tool calls' }).click();
  const calls = ada.page.getByRole('region', { name: 'Tool calls' });
  await expect(calls).toContainText('rename_conversation');
  await expect(calls).toContainText('a rule for everybody');
});
