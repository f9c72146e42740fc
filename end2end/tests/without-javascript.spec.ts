// Signing up, in and out, and reading work without JavaScript.
import { devices } from '@playwright/test';
import { expect, test } from './support/test';
import { PASSWORD, fillAccount } from './support/person';

/** What Chromium says of a module preload where scripts are off. */
const PRELOAD = /\.js: csp$/;

test('forms work and a conversation can be read', async ({ person, visitor, complaints }) => {
  complaints.expect(PRELOAD, /status 422/, /status of 422/);
  const ada = await person();
  await ada.begin('say **bold** words');
  await ada.answered(1);
  const path = new URL(ada.page.url()).pathname;

  const { page } = await visitor({ browser: { javaScriptEnabled: false } });
  await page.goto(path);
  await expect(page).toHaveURL(/\/sign-in/);
  await fillAccount(page, ada.name, 'not the password');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByRole('alert').filter({ hasText: /\S/ }).first()).toBeVisible();

  await page.getByLabel('Name', { exact: true }).fill(ada.name);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`${path}$`));
  await expect(page.getByRole('article', { name: 'AI Assistant wrote' }).locator('strong')).toHaveText('bold');
  await expect(page.getByRole('heading', { name: /^(Today|Yesterday)$/ })).toBeVisible();

  await page.getByRole('button', { name: `Account of ${ada.name}` }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(page).toHaveURL(/\/sign-in/);
  await page.goto(path);
  await expect(page).toHaveURL(/\/sign-in/);
});

test('one can make an account', async ({ visitor, complaints }) => {
  complaints.expect(PRELOAD);
  const eve = await visitor({ browser: { javaScriptEnabled: false } });
  await eve.page.goto('/sign-up');
  await fillAccount(eve.page, eve.name);
  await eve.page.getByRole('button', { name: 'Make the account' }).click();
  await expect(eve.page.getByRole('heading', { name: `Hello, ${eve.name}.` })).toBeVisible();
});

test('on a phone the list of conversations opens and closes', async ({ visitor, complaints }) => {
  complaints.expect(PRELOAD);
  const { defaultBrowserType: _, ...phone } = devices['Pixel 7'];
  const { name, page } = await visitor({ browser: { ...phone, javaScriptEnabled: false } });
  await page.goto('/sign-up');
  await fillAccount(page, name);
  await page.getByRole('button', { name: 'Make the account' }).click();
  const list = page.getByRole('navigation', { name: 'Conversations' });
  const show = page.getByRole('button', { name: 'Show conversations' });
  await expect(show).toBeVisible();
  await expect(list).toBeHidden();

  await show.click();
  await expect(list.getByRole('link', { name: 'New chat' })).toBeVisible();
  await list.getByRole('button', { name: 'Hide conversations' }).click();
  await expect(list).toBeHidden();

  await show.click();
  await expect(list).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(list).toBeHidden();
});
