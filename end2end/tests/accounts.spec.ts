// Signing up, in and out, and what a visitor is told.
import { expect, freshName, test } from './support/test';
import { awake } from './support/awake';
import { fillAccount } from './support/person';

test('one signs up, out and in again', async ({ person }) => {
  const ada = await person();
  await expect(ada.page.getByRole('heading', { name: `Hello, ${ada.name}.` })).toBeVisible();

  await ada.account('Sign out');
  await expect(ada.page).toHaveURL(/\/sign-in/);

  await awake(ada.page);
  await fillAccount(ada.page, ada.name.toUpperCase());
  await ada.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(ada.page.getByRole('heading', { name: `Hello, ${ada.name}.` })).toBeVisible();
});

test('a visitor is led to the sign-in page and back to where they wanted to go', async ({ person, visitor }) => {
  const ada = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  const path = new URL(ada.page.url()).pathname;

  const back = await visitor({ name: ada.name });
  await back.page.goto(path);
  await expect(back.page).toHaveURL(/\/sign-in\?next=/);
  await awake(back.page);
  await fillAccount(back.page, ada.name);
  await back.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(back.page).toHaveURL(new RegExp(`${path}$`));
  await expect(back.replies).toContainText('hello');
});

test('a wrong password and an unknown name are refused in the same words', async ({ person, visitor, complaints }) => {
  complaints.expect(/status 422/, /status of 422/);
  const ada = await person();
  const words = async (name: string) => {
    const { page } = await visitor();
    await page.goto('/sign-in');
    await awake(page);
    await fillAccount(page, name, 'not the password');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    const alert = page.getByRole('alert').filter({ hasText: /\S/ }).first();
    await expect(alert).toBeVisible();
    return alert.innerText();
  };
  expect(await words(ada.name)).toBe(await words(freshName()));
});

test('a name that is taken and a password that is short get their own words, beside the field', async ({ person, visitor, complaints }) => {
  complaints.expect(/status 4(22|00|09)/, /status of 4(22|00|09)/);
  const ada = await person();
  const { page } = await visitor();
  await page.goto('/sign-up');
  await awake(page);
  await fillAccount(page, ada.name);
  await page.getByRole('button', { name: 'Make the account' }).click();
  await expect(page.getByLabel('Name', { exact: true })).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue(ada.name);
});

test('signing out elsewhere closes this tab\'s socket', async ({ person }) => {
  const ada = await person();
  const other = await ada.anotherTab();
  await ada.account('Sign out');
  await expect(other.page).toHaveURL(/\/sign-in/);
});
