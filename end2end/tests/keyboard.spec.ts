// Everything without a mouse.
import { type Page, expect } from '@playwright/test';
import { test, freshName } from './support/test';
import { awake } from './support/awake';
import { PASSWORD, script } from './support/person';

/** Presses Tab until the focus is on what `found` accepts. */
async function tabTo(page: Page, name: RegExp, key = 'Tab'): Promise<void> {
  const focused = () =>
    page.evaluate(() => {
      const element = document.activeElement as HTMLElement | null;
      return element?.getAttribute('aria-label') ?? element?.textContent ?? '';
    });
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press(key);
    if (name.test((await focused()).trim())) return;
  }
  throw new Error(`${name} is not reached by ${key}`);
}

test('one signs up, chats, stops a reply and signs out by keys alone', async ({ visitor }) => {
  const { page } = await visitor();
  const name = freshName();
  await page.goto('/sign-up');
  await awake(page);
  await expect(page.getByLabel('Name', { exact: true })).toBeFocused();
  await page.keyboard.type(name);
  await page.keyboard.press('Tab');
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  const composer = page.getByRole('textbox', { name: 'Message', exact: true });
  await expect(composer).toBeFocused();

  await page.keyboard.insertText(script('say thinking', 'hang'));
  await page.keyboard.press('Enter');
  const reply = page.getByRole('article', { name: 'AI Assistant wrote' });
  await expect(reply).toContainText('thinking');
  await expect(composer).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(reply).toContainText('Stopped');

  await page.keyboard.press('ArrowUp');
  await expect(page.getByRole('textbox', { name: 'Edit message' })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('textbox', { name: 'Edit message' })).toHaveCount(0);

  await tabTo(page, new RegExp(`Account of ${name}`), 'Shift+Tab');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('menuitem').first()).toBeFocused();
  await page.keyboard.press('End');
  await expect(page.getByRole('menuitem', { name: 'Sign out' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/sign-in/);
});

test('the focus is always visible', async ({ person }) => {
  const ada = await person();
  for (let presses = 0; presses < 12; presses += 1) {
    await ada.page.keyboard.press('Tab');
    const seen = await ada.page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return 'nothing';
      const looks = getComputedStyle(element);
      const around = element.closest('form') && getComputedStyle(element.closest('form')!);
      const shown = looks.outlineStyle !== 'none' || looks.boxShadow !== 'none' || (around && around.boxShadow !== 'none');
      return shown ? '' : element.outerHTML.slice(0, 200);
    });
    if (seen !== 'nothing') expect(seen).toBe('');
  }
});
