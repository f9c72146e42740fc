// A page is readable before it is awake, and presses do nothing until then. People notice by looking; tests by an
// attribute that the page sets when it is.
import { type Page, expect } from '@playwright/test';

export async function awake(page: Page): Promise<void> {
  await expect(page.locator('html')).toHaveAttribute('data-awake', '');
}
