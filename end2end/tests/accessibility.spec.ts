// axe finds nothing, on every page, light and dark.
import { devices, expect } from '@playwright/test';
import { violations } from './support/axe';
import { test } from './support/test';
import { script } from './support/person';

for (const colorScheme of ['light', 'dark'] as const) {
  test(`pages for visitors, ${colorScheme}`, async ({ visitor, complaints }) => {
    complaints.expect(/status 404/, /status of 404/);
    const { page } = await visitor({ browser: { colorScheme } });
    for (const path of ['/sign-in', '/sign-up', '/nowhere']) {
      await page.goto(path);
      expect(await violations(page), path).toEqual([]);
    }
  });

  test(`pages for people, ${colorScheme}`, async ({ person }) => {
    // A dozen pages, each looked at whole.
    test.slow();
    const ada = await person({ browser: { colorScheme } });
    expect(await violations(ada.page), 'home').toEqual([]);
    await ada.begin(script(
      'think about it',
      'put # A heading\\n\\n| a | b |\\n|---|---|\\n| 1 | 2 |\\n\\n```rust\\nfn main() {}\\n```\\n\\n[a link](https://example.org) and `code`\\n\\n> quoted\\n',
      'tool sum {"numbers": [1, 2]}',
      'say done',
    ));
    const reply = await ada.answered(1);
    for (const closed of await reply.locator('summary').all()) await closed.click();
    expect(await violations(ada.page), 'a conversation').toEqual([]);

    await ada.say(script('tool rename_conversation {"title": "Renamed"}'));
    await expect(ada.page.getByRole('group', { name: /Permission for/ })).toBeVisible();
    expect(await violations(ada.page), 'a question').toEqual([]);
    await ada.page.getByRole('button', { name: 'Deny', exact: true }).click();

    await ada.page.getByRole('button', { name: 'Share this conversation' }).click();
    expect(await violations(ada.page), 'the room').toEqual([]);
    for (const page of ['', '/prompts', '/tools', '/calls', '/programs', '/connections', '/usage']) {
      await ada.open(`/settings${page}`);
      expect(await violations(ada.page), `settings${page}`).toEqual([]);
    }
  });

  test(`an invitation, and one that was revoked, ${colorScheme}`, async ({ person, complaints }) => {
    complaints.expect(/status 404/, /status of 404/);
    const ada = await person();
    const bob = await person({ browser: { colorScheme } });
    await ada.begin('say welcome');
    await ada.answered(1);
    const link = await ada.invitation();
    await bob.open(link);
    await expect(bob.page.getByRole('heading', { name: 'You are invited' })).toBeVisible();
    expect(await violations(bob.page), 'an invitation').toEqual([]);

    await ada.page.getByRole('button', { name: 'Revoke all links' }).click();
    await expect(ada.page.getByText('no longer work')).toBeVisible();
    await bob.open(link);
    await expect(bob.page.getByRole('heading', { name: 'This link is dead' })).toBeVisible();
    expect(await violations(bob.page), 'a dead link').toEqual([]);
  });
}

test('the list of conversations on a phone', async ({ person }) => {
  const { defaultBrowserType: _, ...phone } = devices['Pixel 7'];
  const ada = await person({ browser: phone });
  await ada.begin('say hello');
  await ada.answered(1);
  await ada.page.getByRole('button', { name: 'Show conversations' }).tap();
  await expect(ada.page.getByRole('navigation', { name: 'Conversations' })).toBeFocused();
  expect(await violations(ada.page)).toEqual([]);
});
