// The server dies in the middle and comes back: nothing acknowledged is lost, nothing comes twice.
import { expect, test } from './support/test';
import { script } from './support/person';

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
  await expect(ada.page.getByText('Sending…')).toBeVisible();

  await server.up();
  await expect(ada.replies.first()).toContainText('Interrupted');
  await expect(ada.replies.first()).toContainText('kept');
  await expect(ada.messages()).toHaveCount(2);
  await expect(ada.page.getByText('Sending…')).toHaveCount(0);
  await ada.answered(2);
  await expect(ada.replies.last()).toContainText('not lost');

  await ada.reload();
  await expect(ada.messages()).toHaveCount(2);
  await expect(ada.replies).toHaveCount(2);
  await expect(ada.replies.first().getByRole('button', { name: 'Continue' })).toBeVisible();
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
  await expect(ada.page.getByText('Sending…')).toBeVisible();
  await server.up();
  await ada.reload();
  await expect(ada.messages()).toHaveCount(2);
  await ada.answered(2);
  await expect(ada.replies.last()).toContainText('from the outbox');
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
