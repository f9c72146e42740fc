// Two people in one room: invitation, presence, typing, removal.
import { expect, test } from './support/test';

test('a room is shared by a link, live for both, and closed to whoever is removed', async ({ person, complaints }) => {
  const ada = await person();
  const bob = await person();
  await ada.begin('say welcome');
  await ada.answered(1);

  const link = await ada.invitation();
  await ada.page.getByRole('button', { name: 'Close' }).click();

  // The title is made after the first reply.
  await expect(ada.page.locator('[aria-current=page]')).toHaveText('say welcome');
  await bob.open(link);
  await expect(bob.page.getByText(`${ada.name} asks you to join «say welcome»`)).toBeVisible();
  await bob.page.getByRole('button', { name: 'Join the conversation' }).click();
  await expect(bob.page).toHaveURL(/\/c\//);
  await expect(bob.replies).toContainText('welcome');
  await expect(ada.page.getByRole('button', { name: '2 people, 2 here now' })).toBeVisible();

  await bob.composer.pressSequentially('hel');
  await expect(ada.page.getByText(`${bob.name} is typing…`)).toBeVisible();
  await bob.composer.fill('');
  await bob.say('say hello from bob');
  await expect(ada.messages(bob.name)).toHaveCount(1);
  await ada.answered(2);
  await expect(ada.replies.last()).toContainText('hello from bob');

  // Another tab of the owner's shows a link of its own when somebody is removed here.
  const tab = await ada.anotherTab();
  await tab.page.getByRole('button', { name: /2 people/ }).click();
  await tab.page.getByRole('button', { name: 'Make an invitation link' }).click();
  await expect(tab.page.getByRole('textbox', { name: 'Invitation link' })).toBeVisible();

  await ada.page.getByRole('button', { name: /2 people/ }).click();
  await ada.page.getByRole('listitem').filter({ hasText: bob.name }).getByRole('button', { name: 'Remove' }).click();
  await expect(ada.page.getByText('Removed. The invitation link no longer works')).toBeVisible();
  await expect(tab.page.getByText('The invitation link no longer works; make a new one')).toBeVisible();
  await expect(tab.page.getByRole('textbox', { name: 'Invitation link' })).toHaveCount(0);
  await expect(bob.page).not.toHaveURL(/\/c\//);
  await ada.page.getByRole('button', { name: 'Close' }).click();
  await expect(ada.page.getByRole('button', { name: 'Share this conversation' })).toBeVisible();
  complaints.expect(/status 404/, /status of 404/);
  await bob.open(link);
  await expect(bob.page.getByRole('heading', { name: 'This link is dead' })).toBeVisible();
  await expect(bob.page.getByRole('button', { name: 'Join the conversation' })).toHaveCount(0);
  await bob.page.goto(ada.page.url());
  await expect(bob.page.getByText('No such conversation').first()).toBeVisible();
});

test('a revoked link says so, and a room is not there for a stranger', async ({ person, complaints }) => {
  complaints.expect(/status 404/, /status of 404/);
  const ada = await person();
  const eve = await person();
  await ada.begin('say private');
  await ada.answered(1);
  const link = await ada.invitation();
  await eve.open(link);
  const join = eve.page.getByRole('button', { name: 'Join the conversation' });
  await expect(join).toBeVisible();
  await ada.page.getByRole('button', { name: 'Revoke all links' }).click();
  await expect(ada.page.getByText('no longer work')).toBeVisible();

  await join.click();
  await expect(eve.page.getByRole('alert')).toContainText('This invitation is no longer good');
  await eve.open(link);
  await expect(eve.page.getByRole('heading', { name: 'This link is dead' })).toBeVisible();
  await expect(eve.page.getByText('This invitation is no longer good')).toBeVisible();
  await expect(join).toHaveCount(0);
  await eve.page.goto(ada.page.url());
  await expect(eve.page.getByText('No such conversation').first()).toBeVisible();
  await expect(eve.page.getByText('private')).toHaveCount(0);
});

test('who types is named to the others alone, and no longer when they stop', async ({ person }) => {
  const ada = await person();
  const bob = await person();
  const eve = await person();
  await ada.begin('say welcome');
  await ada.answered(1);
  const link = await ada.invitation();
  await ada.page.getByRole('button', { name: 'Close' }).click();
  for (const one of [bob, eve]) {
    await one.open(link);
    await one.page.getByRole('button', { name: 'Join the conversation' }).click();
    await expect(one.page).toHaveURL(/\/c\//);
    await expect(one.replies).toContainText('welcome');
  }
  await expect(ada.page.getByRole('button', { name: '3 people, 3 here now' })).toBeVisible();

  await bob.composer.pressSequentially('hm');
  await expect(ada.page.getByText(`${bob.name} is typing…`)).toBeVisible();
  await expect(eve.page.getByText(`${bob.name} is typing…`)).toBeVisible();
  await eve.composer.pressSequentially('hm');
  await expect(ada.page.getByText(`${bob.name} and ${eve.name} are typing…`)).toBeVisible();
  await expect(bob.page.getByText(`${eve.name} is typing…`)).toBeVisible();
  await expect(eve.page.getByText(`${eve.name} is typing…`)).toHaveCount(0);
  for (const one of [ada, bob, eve]) await expect(one.page.getByText(/typing…/)).toHaveCount(0);
  await expect(ada.messages(bob.name)).toHaveCount(0);
});
