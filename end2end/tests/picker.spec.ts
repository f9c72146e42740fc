// Prompts with `/` and resources with `@`: one's own and those of the reference server «everything», by keys alone.
import { writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { devices } from '@playwright/test';
import { violations } from './support/axe';
import type { Person } from './support/person';
import { SCRIPTED } from './support/server';
import { expect, test } from './support/test';

const EVERYTHING = join(import.meta.dirname, '../node_modules/@modelcontextprotocol/server-everything/dist/index.js');

async function operatorsFile(): Promise<string> {
  const file = join(tmpdir(), `parley-picker-${process.pid}-${Date.now()}.json`);
  const everything = { command: process.execPath, args: [EVERYTHING, 'stdio'], title: 'Everything', trusted: true };
  await writeFile(file, JSON.stringify({ mcpServers: { everything } }));
  return file;
}

/** Keeps a prompt on the settings page. */
async function keep(person: Person, name: string, body: string, filled = ''): Promise<void> {
  const { page } = person;
  await person.open('/settings/prompts');
  await page.getByLabel('Name of a new prompt').fill(name);
  await page.getByLabel('Text', { exact: true }).fill(body);
  await page.getByLabel('What is filled in').fill(filled);
  await page.getByRole('button', { name: 'Save the prompt' }).click();
  await expect(page.getByText('The prompt is saved.')).toBeVisible();
}

/** What the list shows; the choice of a model has options as well. */
const fits = (person: Person) => person.page.getByRole('listbox', { name: 'What fits' }).getByRole('option');
const search = (person: Person) => person.page.getByRole('combobox', { name: /^Search (prompts|resources)$/ });
const option = (person: Person, name: string | RegExp) => person.page.getByRole('option', { name });
const chips = (person: Person) => person.page.getByRole('list', { name: 'Sent with the message' });

test('a saved prompt is found, filled in and sent by keys alone, in a new conversation', async ({ person }) => {
  const ada = await person();
  const { page } = ada;
  await keep(ada, 'greet', 'Good day to you.');
  await page.getByRole('link', { name: 'Edit greet' }).waitFor();
  await keep(ada, 'explain', 'Explain {{topic}}, {{tone}}.', 'topic: What it is about [brass, engines]\ntone?: How it sounds');
  await ada.open('/');
  await ada.composer.focus();
  await page.keyboard.type('/');
  await expect(search(ada)).toBeFocused();
  await expect(search(ada)).toHaveAttribute('aria-expanded', 'true');
  await expect(fits(ada)).toHaveCount(2);
  await expect(option(ada, /^explain/)).toHaveAttribute('aria-selected', 'true');
  expect(await violations(ada.page), 'the list').toEqual([]);
  await page.keyboard.press('ArrowDown');
  await expect(option(ada, /^greet/)).toHaveAttribute('aria-selected', 'true');
  await expect(search(ada)).toHaveAttribute('aria-activedescendant', /^picker-\d+$/);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.type('expl');
  await expect(fits(ada)).toHaveCount(1);
  await page.keyboard.press('Enter');
  const topic = page.getByLabel(/^topic/);
  await expect(topic).toBeFocused();
  await expect(page.locator('datalist option')).toHaveCount(2);
  expect(await violations(ada.page), 'the form').toEqual([]);
  await page.keyboard.type('brass');
  await page.keyboard.press('Enter');
  await expect(ada.composer).toHaveValue('Explain brass, .');
  await expect(ada.composer).toBeFocused();
  await page.keyboard.press('Backspace');
  await page.keyboard.type(' kindly.');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/c\//);
  await expect(ada.messages()).toContainText('Explain brass,  kindly.');
});

test('what only looks like a search is typed as any other text', async ({ person }) => {
  const ada = await person();
  const { page } = ada;
  await ada.composer.focus();
  await page.keyboard.type('/');
  await expect(search(ada)).toBeFocused();
  await page.keyboard.type('etc/hosts');
  await expect(page.getByText('Nothing fits.')).toBeVisible();
  await page.keyboard.press('Space');
  await expect(ada.composer).toBeFocused();
  await page.keyboard.type('is what?');
  await expect(ada.composer).toHaveValue('/etc/hosts is what?');
  await ada.composer.fill('');
  await page.keyboard.type('mail ada@example.org and @');
  await expect(search(ada)).toBeFocused();
  await page.keyboard.type('bob');
  await page.keyboard.press('Escape');
  await expect(ada.composer).toHaveValue('mail ada@example.org and @bob');
  await ada.composer.fill('');
  await page.keyboard.type('@');
  await expect(search(ada)).toBeFocused();
  await page.keyboard.press('Backspace');
  await expect(ada.composer).toBeFocused();
  await expect(ada.composer).toHaveValue('');
});

test('one\'s own conversation is referred to by a button, on a phone', async ({ person }) => {
  const { defaultBrowserType: _, ...phone } = devices['Pixel 7'];
  const ada = await person({ browser: { ...phone, colorScheme: 'dark' } });
  const { page } = ada;
  await ada.begin('say the xylophone is blue');
  await ada.answered(1);
  await ada.open('/');
  await page.getByRole('button', { name: 'Add a prompt or a resource' }).tap();
  await page.getByRole('button', { name: 'Resources' }).tap();
  await fits(ada).first().tap();
  await expect(chips(ada)).toContainText('from Your conversations');
  expect(await violations(ada.page), 'a chip').toEqual([]);
  await chips(ada).getByRole('button', { name: /^Remove / }).tap();
  await expect(chips(ada)).toHaveCount(0);
  await page.getByRole('button', { name: 'Add a prompt or a resource' }).tap();
  await page.getByRole('button', { name: 'Resources' }).tap();
  await fits(ada).first().tap();
  await expect(chips(ada)).toBeVisible();
  // It is still there after a reload, as the text is.
  await ada.composer.fill('What colour is it?');
  await ada.reload();
  await expect(chips(ada)).toBeVisible();
  await ada.composer.press('Enter');
  await expect(page).toHaveURL(/\/c\//);
  const block = ada.messages().locator('details');
  await expect(block.locator('summary')).toContainText('from Parley');
  await block.locator('summary').click();
  await expect(block).toContainText('the xylophone is blue');
  await expect(ada.replies.last()).toContainText('<reference name=');
  expect(await violations(ada.page), 'a reference').toEqual([]);
});

test.describe('with the reference server', () => {
  test.skip(!existsSync(EVERYTHING), 'the reference server is not installed');

  test('its prompts ask and suggest, its resources go with the message', async ({ startServer, person }) => {
    const server = await startServer({ ...SCRIPTED, PARLEY_MCP_SERVERS: await operatorsFile() });
    const ada = await person({ server });
    const { page } = ada;
    await ada.composer.focus();
    await page.keyboard.type('/');
    await expect(page.getByRole('group', { name: 'Everything' })).toBeVisible({ timeout: 30_000 });
    // One without arguments is inserted at once.
    await page.keyboard.type('simple');
    await expect(fits(ada)).toHaveCount(1);
    await page.keyboard.press('Tab');
    await expect(ada.composer).toHaveValue('This is a simple prompt without arguments.');
    await ada.composer.fill('');
    await page.keyboard.type('/');
    await expect(search(ada)).toBeFocused();
    await page.keyboard.type('completable');
    await expect(fits(ada)).toHaveCount(1);
    await page.keyboard.press('Enter');
    const first = page.getByRole('form', { name: /^Prompt / }).getByRole('combobox').first();
    await expect(first).toBeFocused();
    await expect(page.locator('datalist option').first()).toBeAttached();
    await page.keyboard.press('Escape');
    await expect(search(ada)).toBeFocused();
    await page.keyboard.press('Escape');
    await expect(ada.composer).toHaveValue('/completable');

    await ada.composer.fill('');
    await page.keyboard.type('Sum it up: @');
    await expect(search(ada)).toBeFocused();
    await expect(fits(ada).first()).toBeVisible();
    await page.keyboard.type('.md');
    await expect(fits(ada).first()).toContainText('.md');
    await page.keyboard.press('Enter');
    await expect(chips(ada)).toContainText('from Everything');
    await expect(ada.composer).toHaveValue('Sum it up: ');
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(/\/c\//);
    await expect(ada.messages().locator('summary')).toContainText('from Everything');
    await expect(ada.replies.last()).toContainText('server="Everything"');
    await expect(chips(ada)).toHaveCount(0);
  });
});
