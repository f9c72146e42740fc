// Editing and asking for another reply make branches that one can walk.
import { expect, test } from './support/test';

test('an edited message is a new branch; both can be walked', async ({ person }) => {
  const ada = await person();
  await ada.begin('say red');
  await ada.answered(1);
  await expect(ada.replies.last()).toContainText('red');

  const editor = await ada.edit();
  await expect(editor).toHaveValue('say red');
  await editor.fill('say blue');
  await editor.press('Enter');
  await expect(ada.replies).toHaveCount(1);
  await expect(ada.replies.last()).toContainText('blue');
  await ada.answered(1);

  const versions = ada.messages().first().getByRole('group', { name: 'Versions' });
  await expect(versions).toContainText('2/2');
  await versions.getByRole('button', { name: 'Version before' }).click();
  await expect(ada.replies.last()).toContainText('red');
  await ada.messages().first().getByRole('button', { name: 'Version after' }).click();
  await expect(ada.replies.last()).toContainText('blue');

  await ada.reload();
  await expect(ada.messages().first().getByRole('group', { name: 'Versions' })).toContainText('2/2');
});

test('another reply stands beside the first', async ({ person }) => {
  const ada = await person();
  await ada.begin('say once');
  const reply = await ada.answered(1);
  await reply.hover();
  await reply.getByRole('button', { name: 'Another reply' }).click();
  const versions = ada.replies.last().getByRole('group', { name: 'Versions' });
  await expect(versions).toContainText('2/2');
  await expect(ada.replies).toHaveCount(1);
  await versions.getByRole('button', { name: 'Version before' }).click();
  await expect(ada.replies.last().getByRole('group', { name: 'Versions' })).toContainText('1/2');
});

test('Arrow-up in an empty box edits the last message', async ({ person }) => {
  const ada = await person();
  await ada.begin('say first try');
  await ada.answered(1);
  await ada.composer.press('ArrowUp');
  await expect(ada.page.getByRole('textbox', { name: 'Edit message' })).toBeFocused();
});
