// The server dies in the middle and comes back: nothing acknowledged is lost, nothing comes twice.
import { expect, test } from './support/test';
import { finished, script } from './support/person';

test('after kill -9 a reply is interrupted with its text, and can be continued', async ({ person, startServer, complaints }) => {
  complaints.expect(/WebSocket/, /ERR_CONNECTION/, /failed: /);
  const server = await startServer();
  const ada = await person({ server });
  // The second line proves that the checkpoint of the first, made every second, has been written.
  await ada.begin(script('say kept', 'wait 2500', 'say later', 'hang'));
  await expect(ada.replies.last()).toContainText('later');

  await server.kill();
  await expect(ada.page.getByText(/Not connected|Connecting/)).toBeVisible();
  await ada.composer.fill('say not lost');
  await ada.composer.press('Enter');
  await expect(ada.page.getByText('Not sent yet')).toBeVisible();

  await server.up();
  await expect(ada.replies.first()).toContainText('Interrupted');
  await expect(ada.replies.first()).toContainText('kept');
  await expect(ada.messages()).toHaveCount(2);
  await expect(ada.page.getByText(/Sending…|Not sent yet/)).toHaveCount(0);
  await ada.answered(2);
  await expect(ada.replies.last()).toContainText('not lost');

  await ada.reload();
  await expect(ada.messages()).toHaveCount(2);
  await expect(ada.replies).toHaveCount(2);
  await ada.replies.first().getByRole('button', { name: 'Continue' }).click();
  const whole = ada.replies.first();
  await expect(whole.getByRole('group', { name: 'Versions' })).toContainText('2/2');
  await expect(finished(whole)).toBeAttached();
  await expect(whole).toContainText(/kept(\s*later)?\s*You said: Your last reply was cut off/);
  const words = (await whole.locator('.prose-chat').allInnerTexts()).join('\n');
  expect([words.match(/kept/g)?.length, words.match(/You said/g)?.length]).toEqual([1, 1]);
});

test('an unsent message survives a reload of the page', async ({ person, startServer, complaints }) => {
  complaints.expect(/WebSocket/, /ERR_CONNECTION/, /failed: /);
  const server = await startServer();
  const ada = await person({ server });
  await ada.begin('say hello');
  await ada.answered(1);
  await server.kill();
  await expect(ada.page.getByText(/Not connected|Connecting/)).toBeVisible();
  await ada.composer.fill('say from the outbox');
  await ada.composer.press('Enter');
  await expect(ada.page.getByText('Not sent yet')).toBeVisible();
  await server.up();
  await ada.reload();
  await expect(ada.messages()).toHaveCount(2);
  await ada.answered(2);
  await expect(ada.replies.last()).toContainText('from the outbox');
});

test('two tabs without a connection each keep their message: both are stored, once', async ({ person, startServer, complaints }) => {
  complaints.expect(/WebSocket/, /ERR_CONNECTION/, /failed: /);
  const server = await startServer();
  const ada = await person({ server });
  await ada.begin('say hello');
  await ada.answered(1);
  const other = await ada.anotherTab();
  await server.kill();
  for (const [tab, words] of [[ada, 'say from the first tab'], [other, 'say from the second tab']] as const) {
    await expect(tab.page.getByText(/Not connected|Connecting/)).toBeVisible();
    await tab.say(words);
    await expect(tab.page.getByText('Not sent yet')).toBeVisible();
  }
  await server.up();
  for (const tab of [ada, other]) {
    await tab.answered(3);
    await expect(tab.messages()).toHaveCount(3);
    await expect(tab.page.getByText(/Sending…|Not sent yet/)).toHaveCount(0);
  }
  await ada.reload();
  await expect(ada.page.getByText(/Sending…|Not sent yet/)).toHaveCount(0);
  await expect(ada.messages().filter({ hasText: 'say from the first tab' })).toHaveCount(1);
  await expect(ada.messages().filter({ hasText: 'say from the second tab' })).toHaveCount(1);
  await expect(ada.messages()).toHaveCount(3);
});

test('what two closed tabs had not sent is sent by the next one', async ({ person, startServer, complaints }) => {
  complaints.expect(/WebSocket/, /ERR_CONNECTION/, /failed: /);
  const server = await startServer();
  const ada = await person({ server });
  await ada.begin('say hello');
  await ada.answered(1);
  const url = ada.page.url();
  const others = [await ada.anotherTab(), await ada.anotherTab()];
  await ada.page.goto('about:blank');
  await server.kill();
  for (const [index, tab] of others.entries()) {
    await expect(tab.page.getByText(/Not connected|Connecting/)).toBeVisible();
    await tab.say(`say left behind ${index}`);
    await expect(tab.page.getByText('Not sent yet')).toBeVisible();
    await tab.page.close();
  }
  await server.up();
  await ada.open(url);
  await ada.answered(3);
  await expect(ada.messages()).toHaveCount(3);
  await expect(ada.messages().nth(1)).toContainText('left behind 0');
  await expect(ada.messages().nth(2)).toContainText('left behind 1');
  await expect(ada.page.getByText(/Sending…|Not sent yet/)).toHaveCount(0);
});

test('SIGTERM lets a short reply finish, and tabs come back by themselves', async ({ person, startServer, complaints }) => {
  complaints.expect(/WebSocket/, /ERR_CONNECTION/, /failed: /);
  const server = await startServer();
  const ada = await person({ server });
  await ada.begin(script('say begun', 'wait 800', 'say finished'));
  await expect(ada.replies.last()).toContainText('begun');
  expect(await server.drain()).toBe(0);
  await server.up();
  await expect(ada.replies.last()).toContainText('finished');
  await ada.say('say again');
  await ada.answered(2);
});

test('what is pressed while the page still connects is done once it has', async ({ person }) => {
  const ada = await person();
  await ada.begin(script('say half of it', 'fail overloaded'));
  await ada.answered(1);
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  await ada.context.routeWebSocket(/.*/, async (socket) => {
    await opened;
    socket.connectToServer();
  });
  await ada.reload();
  await ada.replies.last().getByRole('button', { name: 'Try again', exact: true }).click();
  open();
  await expect(ada.replies.last().getByRole('group', { name: 'Versions' })).toContainText('2/2');
});

test('what is pressed while the page connects in vain is said to be lost', async ({ person, complaints }) => {
  complaints.expect(/WebSocket/);
  const ada = await person();
  await ada.begin(script('say half of it', 'fail overloaded'));
  await ada.answered(1);
  let refuse = (): void => {};
  const refused = new Promise<void>((resolve) => (refuse = resolve));
  await ada.context.routeWebSocket(/.*/, async (socket) => {
    await refused;
    await socket.close();
  });
  await ada.reload();
  await ada.replies.last().getByRole('button', { name: 'Try again', exact: true }).click();
  refuse();
  await expect(ada.page.getByText('There is no connection just now. Try again when it is back.')).toBeVisible();
});

test('a conversation goes on when its model is no longer offered, in an open tab and after a reload', async ({ person, startServer, complaints }) => {
  complaints.expect(/WebSocket/, /ERR_CONNECTION/, /failed: /);
  const server = await startServer();
  const ada = await person({ server });
  await ada.begin('say hello');
  await ada.answered(1);
  // The page knows the model by which the last reply was made.
  await ada.reload();
  await server.drain();
  await server.up({ PARLEY_SCRIPTED: 'false', PARLEY_DEFAULT_MODEL: '' });
  await expect(ada.page.getByText(/Not connected|Connecting/)).toHaveCount(0);

  await ada.composer.fill('Sum 2 and 40');
  await ada.composer.press('Enter');
  const refusal = ada.page.getByRole('alert').filter({ hasText: 'There is no model «scripted/script» here.' });
  await expect(refusal).toBeVisible();
  await expect(ada.composer).toHaveValue('Sum 2 and 40');
  await ada.composer.press('Enter');
  await expect(refusal).toHaveCount(0);
  await expect(await ada.answered(2)).toContainText('42');

  await ada.reload();
  await ada.say('Sum 1 and 6');
  await expect(await ada.answered(3)).toContainText('7');
});

test('a new version that is refused after a reload is in its editor, and not in the box', async ({ person, startServer, complaints }) => {
  complaints.expect(/WebSocket/, /ERR_CONNECTION/, /failed: /);
  const server = await startServer();
  const ada = await person({ server });
  await ada.begin('say hello');
  await ada.answered(1);
  // The page knows the model by which the last reply was made.
  await ada.reload();
  const editor = await ada.edit();
  await editor.fill('Sum 2 and 40');
  await server.kill();
  await expect(ada.page.getByText(/Not connected|Connecting/)).toBeVisible();
  await editor.press('Enter');
  await expect(ada.page.getByText('Not sent yet')).toBeVisible();

  // The page that hears of the refusal has not opened an editor yet.
  const url = ada.page.url();
  await ada.page.goto('about:blank');
  await server.up({ PARLEY_SCRIPTED: 'false', PARLEY_DEFAULT_MODEL: '' });
  await ada.open(url);
  const refusal = ada.page.getByRole('alert').filter({ hasText: 'There is no model «scripted/script» here.' });
  await expect(refusal).toBeVisible();
  await expect(editor).toHaveValue('Sum 2 and 40');
  await expect(ada.composer).toHaveValue('');

  await editor.press('Enter');
  const versions = ada.messages().first().getByRole('group', { name: 'Versions' });
  await expect(versions).toContainText('2/2');
  await expect(await ada.answered(1)).toContainText('42');
  // What was sent is no draft of the first version any more.
  await versions.getByRole('button', { name: 'Version before' }).click();
  await expect(ada.messages().first()).toContainText('say hello');
  await ada.edit();
  await expect(editor).toHaveValue('say hello');
});

test('a new version that still waits after a reload can be taken back into its editor', async ({ person, complaints }) => {
  complaints.expect(/WebSocket/);
  const ada = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  const editor = await ada.editInVain('say good morning');
  await ada.reload();
  await ada.page.getByRole('button', { name: 'Take back' }).click();
  await expect(editor).toHaveValue('say good morning');
  await expect(ada.composer).toHaveValue('');
});

test('the page opened after its model has gone asks the default one', async ({ person, startServer, complaints }) => {
  complaints.expect(/WebSocket/, /ERR_CONNECTION/, /failed: /);
  const server = await startServer();
  const ada = await person({ server });
  await ada.begin('say hello');
  await ada.answered(1);
  await server.drain();
  await server.up({ PARLEY_SCRIPTED: 'false', PARLEY_DEFAULT_MODEL: '' });
  await ada.reload();
  await ada.say('Sum 2 and 40');
  await expect(await ada.answered(2)).toContainText('42');
});
