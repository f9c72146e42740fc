// Saved prompts: written on a page of the settings, with and without JavaScript, and offered to programs by name.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { Page } from '@playwright/test';
import { PASSWORD, type Person, fillAccount } from './support/person';
import { expect, test } from './support/test';

/** What Chromium says of a module preload where scripts are off. */
const PRELOAD = /\.js: csp$/;

async function write(page: Page, name: string, body: string, filled: string): Promise<void> {
  await page.getByLabel('Name of a new prompt').fill(name);
  await page.getByLabel('Title', { exact: true }).fill('Explain it');
  await page.getByLabel('What it is for', { exact: true }).fill('Explains something to somebody.');
  await page.getByLabel('Text', { exact: true }).fill(body);
  await page.getByLabel('What is filled in').fill(filled);
  await page.getByRole('button', { name: 'Save the prompt' }).click();
}

async function makeToken(person: Person): Promise<string> {
  const { page } = person;
  await person.open('/settings/programs');
  await page.getByLabel('Name of a new token').fill('a program');
  await page.getByRole('button', { name: 'Make the token' }).click();
  return page.getByRole('status').locator('pre').innerText();
}

test('a prompt is written, changed, used by a program and deleted', async ({ person, server, complaints }) => {
  complaints.expect(/status 422/, /status of 422/);
  const ada = await person();
  const { page } = ada;
  await ada.open('/settings/prompts');
  await write(page, 'explain', 'Explain {{topic}}, please.', '');
  await expect(page.getByText('but no line says what it is')).toBeVisible();
  await expect(page.getByLabel('Text', { exact: true })).toHaveValue('Explain {{topic}}, please.');
  await page.getByLabel('What is filled in').fill('topic: What it is about [engines, brass]');
  await page.getByRole('button', { name: 'Save the prompt' }).click();
  await expect(page.getByText('The prompt is saved.')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Edit explain' })).toBeVisible();
  await expect(page.getByLabel('Name of a new prompt')).toHaveValue('');

  await page.getByRole('link', { name: 'Edit explain' }).click();
  await expect(page.getByLabel('Name of the prompt')).toHaveValue('explain');
  await page.getByLabel('Title', { exact: true }).fill('Tell me about it');
  await page.getByRole('button', { name: 'Save the prompt' }).click();
  await expect(page.getByText('Tell me about it')).toBeVisible();

  const client = new Client({ name: 'parley-end2end', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  const headers = { Authorization: `Bearer ${await makeToken(ada)}` };
  await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', server.url), { requestInit: { headers } }));
  const { prompts } = await client.listPrompts();
  expect(prompts).toMatchObject([{ name: 'explain', title: 'Tell me about it', arguments: [{ name: 'topic', required: true }] }]);
  const got = await client.getPrompt({ name: 'explain', arguments: { topic: 'brass' } });
  expect(got.messages[0]?.content).toMatchObject({ type: 'text', text: 'Explain brass, please.' });
  await client.close();

  await ada.open('/settings/prompts');
  await page.getByRole('button', { name: 'Delete explain' }).click();
  await expect(page.getByRole('link', { name: 'Edit explain' })).toHaveCount(0);
});

test('without JavaScript too', async ({ person, visitor, complaints }) => {
  complaints.expect(PRELOAD);
  const ada = await person();
  const { page } = await visitor({ browser: { javaScriptEnabled: false } });
  await page.goto('/sign-in');
  await fillAccount(page, ada.name, PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page).toHaveURL(/\/$/);
  await page.goto('/settings/prompts');
  await write(page, 'explain', 'Explain {{topic}}, please.', 'subject: Something else');
  await expect(page.getByText('but no line says what it is')).toBeVisible();
  await expect(page.getByLabel('Text', { exact: true })).toHaveValue('Explain {{topic}}, please.');
  await page.getByLabel('What is filled in').fill('topic: What it is about');
  await page.getByRole('button', { name: 'Save the prompt' }).click();
  await expect(page.getByText('The prompt is saved.')).toBeVisible();

  await page.getByRole('link', { name: 'Edit explain' }).click();
  await expect(page.getByLabel('Text', { exact: true })).toHaveValue('Explain {{topic}}, please.');
  await page.getByRole('button', { name: 'Delete explain' }).click();
  await expect(page.getByRole('link', { name: 'Edit explain' })).toHaveCount(0);
});
