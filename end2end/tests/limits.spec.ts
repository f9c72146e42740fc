// Refusals say when to try again, and the draft stays.
import { expect, test } from './support/test';
import { awake } from './support/awake';
import { fillAccount } from './support/person';

test('too many messages are refused with the time, and the draft comes back', async ({ person, startServer }) => {
  const server = await startServer({ PARLEY_RATE_SEND: '2/1h' });
  const ada = await person({ server });
  await ada.begin('say one');
  await ada.answered(1);
  await ada.say('say two');
  await ada.answered(2);
  await ada.composer.fill('say three');
  await ada.composer.press('Enter');
  await expect(ada.page.getByText(/again in|minute/i).first()).toBeVisible();
  await expect(ada.composer).toHaveValue('say three');
  await expect(ada.messages()).toHaveCount(2);
});

test('a refused new version is in the editor of its message again, and not in the box', async ({ person, startServer }) => {
  const server = await startServer({ PARLEY_RATE_SEND: '1/1h' });
  const ada = await person({ server });
  await ada.begin('say one');
  await ada.answered(1);
  await ada.composer.fill('say something else');
  const editor = await ada.edit();
  await editor.fill('say another');
  await editor.press('Enter');
  await expect(ada.page.getByRole('alert').filter({ hasText: /Try again in/ })).toBeVisible();
  await expect(editor).toHaveValue('say another');
  await expect(editor).toBeFocused();
  await expect(ada.composer).toHaveValue('say something else');
  // Left as it was, the next one begins with what the message says.
  await editor.press('Escape');
  await expect(editor).toHaveCount(0);
  await expect(ada.messages()).toContainText(['say one']);
  await ada.edit();
  await expect(editor).toHaveValue('say one');
});

test('too many sign-ins are refused with the time, on the page and as 429 with Retry-After', async ({ visitor, startServer, complaints }) => {
  complaints.expect(/status 4(22|29)/, /status of 4(22|29)/);
  const server = await startServer({ PARLEY_RATE_SIGN_IN_ADDRESS: '2/1h' });
  const { page } = await visitor({ server });
  await page.goto('/sign-in');
  await awake(page);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await fillAccount(page, 'nobody', 'not the password');
    const answer = page.waitForResponse((response) => response.request().method() === 'POST');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await answer;
    await expect(page.getByRole('alert').filter({ hasText: /\S/ }).first()).toBeVisible();
  }
  await expect(page.getByRole('alert').filter({ hasText: /minute|hour|second/i }).first()).toBeVisible();

  const action = await page.locator('form').getAttribute('action');
  const answer = await fetch(`${server.url}${action}`, {
    method: 'POST',
    headers: { origin: server.url, accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    body: 'name=nobody&password=not+the+password&next=/',
  });
  expect(answer.status).toBe(429);
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
});

test('a message that is too long cannot be sent, and the box says by how much', async ({ person }) => {
  const ada = await person();
  await ada.composer.fill('x'.repeat(32_010));
  await expect(ada.page.getByText('10 characters too many')).toBeVisible();
  await expect(ada.page.getByRole('button', { name: 'Send', exact: true })).toBeDisabled();
});

test('near the limit the box says how many characters are left, and at it the message still goes', async ({ person }) => {
  const ada = await person();
  const note = ada.page.locator('#message-note');
  const send = ada.page.getByRole('button', { name: 'Send', exact: true });
  await ada.composer.fill('x'.repeat(29_999));
  await expect(note).toHaveText('Enter sends, Shift+Enter makes a new line.');
  await ada.composer.fill('x'.repeat(30_000));
  await expect(note).toHaveText('2000 characters left of 32000.');
  // Characters, not bytes or halves of them; and white space at the ends does not count.
  await ada.composer.fill(`${'🦜'.repeat(31_990)}\n\n`);
  await expect(note).toHaveText('10 characters left of 32000.');
  await expect(ada.composer).toHaveAccessibleDescription('10 characters left of 32000.');
  await expect(note).toHaveAttribute('aria-live', 'polite');
  await expect(send).toBeEnabled();

  const whole = `say ${'🦜'.repeat(31_996)}`;
  await ada.composer.fill(whole);
  await expect(note).toHaveText('0 characters left of 32000.');
  await expect(send).toBeEnabled();
  await ada.composer.press('Enter');
  await expect(ada.page).toHaveURL(/\/c\//);
  await ada.answered(1);
  await expect(ada.messages()).toContainText(whole);
});

test('above the limit nothing is sent, the reason is said and the draft stays', async ({ person }) => {
  const ada = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  const long = `${'x'.repeat(32_000)}y`;
  await ada.composer.fill(long);
  const note = ada.page.locator('#message-note');
  await expect(note).toHaveText('1 character too many: a message has at most 32000.');
  await ada.composer.press('Enter');
  await expect(ada.page.getByRole('button', { name: 'Send', exact: true })).toBeDisabled();
  await expect(ada.composer).toHaveValue(long);
  await ada.reload();
  await expect(ada.composer).toHaveValue(long);
  await expect(note).toHaveText('1 character too many: a message has at most 32000.');
  await expect(ada.messages()).toHaveCount(1);

  await ada.composer.press('End');
  await ada.composer.press('Control+End');
  await ada.composer.press('Backspace');
  await expect(note).toHaveText('0 characters left of 32000.');
  await ada.composer.press('Enter');
  await expect(ada.composer).toHaveValue('');
  await ada.answered(2);
  await expect(ada.messages()).toHaveCount(2);
});

test('the editor of a sent message says what is left, as the box does', async ({ person }) => {
  const ada = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  const editor = await ada.edit();
  const send = ada.transcript.getByRole('button', { name: 'Send', exact: true });
  await expect(editor).toHaveAccessibleDescription('The old version stays: you can walk between them.');
  await editor.fill('x'.repeat(30_000));
  await expect(editor).toHaveAccessibleDescription('2000 characters left of 32000.');
  await expect(send).toBeEnabled();
  await editor.fill('x'.repeat(32_001));
  await expect(editor).toHaveAccessibleDescription('1 character too many: a message has at most 32000.');
  await expect(send).toBeDisabled();
  await editor.fill('');
  await expect(editor).toHaveAccessibleDescription('A message has at least one character.');
  await expect(send).toBeDisabled();
});

test('a search that takes no more says how long it may be', async ({ person }) => {
  const ada = await person();
  const box = ada.page.getByRole('searchbox', { name: 'Search your messages' });
  await box.fill('x'.repeat(199));
  await expect(ada.page.getByText('Nothing found')).toBeVisible();
  await expect(box).toHaveAccessibleDescription('');
  await box.press('End');
  await ada.page.keyboard.type('yz');
  await expect(box).toHaveValue(`${'x'.repeat(199)}y`);
  await expect(box).toHaveAccessibleDescription('A search has at most 200 characters.');
  await expect(ada.page.getByText('A search has at most 200 characters.')).toBeVisible();
});
