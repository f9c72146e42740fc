// The list at the side: its groups follow the reader's own days.
import { expect, test } from './support/test';

const DAY = 24 * 60 * 60 * 1000;

test('conversations stand under the day of their last message, and pinned ones above', async ({ person }) => {
  const ada = await person({ browser: { timezoneId: 'Pacific/Kiritimati' } });
  await ada.begin('say hello');
  await ada.answered(1);
  const list = ada.page.getByRole('navigation', { name: 'Conversations' });
  const groups = list.getByRole('heading');
  await expect(groups).toHaveText(['Today']);

  const now = Date.now();
  for (const [days, group] of [[1, 'Yesterday'], [4, 'Previous 7 days'], [20, 'Previous 30 days'], [60, 'Older']] as const) {
    await ada.page.clock.setFixedTime(now + days * DAY);
    await ada.reload();
    await expect(groups).toHaveText([group]);
    await expect(list.getByRole('link', { name: 'say hello' })).toBeVisible();
  }

  const row = list.getByRole('listitem').filter({ hasText: 'say hello' });
  await row.hover();
  await row.getByRole('button', { name: 'What to do with «say hello»' }).click();
  await row.getByRole('menuitem', { name: 'Pin' }).click();
  await expect(groups).toHaveText(['Pinned']);
});

test('a new day moves them, without a reload', async ({ person, complaints }) => {
  // A tab that slept for a day takes a fresh socket.
  complaints.expect(/WebSocket/);
  const ada = await person();
  await ada.page.clock.install();
  await ada.open('/');
  await ada.begin('say hello');
  await ada.answered(1);
  const groups = ada.page.getByRole('navigation', { name: 'Conversations' }).getByRole('heading');
  await expect(groups).toHaveText(['Today']);
  await ada.page.clock.fastForward(DAY);
  await expect(groups).toHaveText(['Yesterday']);
});
