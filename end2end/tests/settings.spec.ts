// The pages of the settings: from one to the other, on a phone and on a wide window, and what old links lead to.
import { devices } from '@playwright/test';
import { expect, test } from './support/test';

const { defaultBrowserType: _, ...phone } = devices['Pixel 7'];

for (const [shape, browser] of Object.entries({ wide: {}, phone })) {
  test(`one goes from page to page without loading a document, ${shape}`, async ({ person }) => {
    const ada = await person({ browser });
    await ada.open('/settings');
    await ada.page.evaluate(() => Object.assign(window, { stayed: true }));
    const pages = ada.page.getByRole('navigation', { name: 'Settings' });
    for (const [title, path] of [['Prompts', 'prompts'], ['Tools', 'tools'], ['Tool calls', 'calls'], ['Programs', 'programs'], ['Connections', 'connections'], ['Model and usage', 'usage']]) {
      await pages.getByRole('link', { name: title, exact: true }).click();
      await expect(ada.page).toHaveURL(new RegExp(`/settings/${path}$`));
      await expect(ada.page).toHaveTitle(`${title} · Settings · Parley`);
      await expect(ada.page.getByRole('heading', { level: 1, name: title, exact: true })).toBeFocused();
      await expect(pages.getByRole('link', { name: title, exact: true })).toHaveAttribute('aria-current', 'page');
      await expect(pages.locator('[aria-current=page]')).toHaveCount(1);
      const overflow = await ada.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(overflow, path).toBe(0);
    }
    await ada.page.goBack();
    await expect(ada.page.getByRole('heading', { level: 1, name: 'Connections' })).toBeVisible();
    expect(await ada.page.evaluate(() => 'stayed' in window)).toBe(true);
  });
}

test('links to parts of what was one page lead to the pages that hold them', async ({ person }) => {
  const ada = await person();
  for (const [old, path, region] of [['#tokens', 'programs', 'API tokens'], ['#tools', 'tools', 'Tool permissions'], ['?whose=all', 'calls', 'Tool calls']]) {
    await ada.page.goto('/');
    await ada.open(`/settings${old}`);
    await expect(ada.page).toHaveURL(new RegExp(`/settings/${path}`));
    await expect(ada.page.getByRole('region', { name: region })).toBeVisible();
  }
});
