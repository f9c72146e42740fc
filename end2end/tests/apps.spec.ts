// Apps of MCP servers: shown below their call in a frame that reaches nothing of Parley's, their calls asked about.
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FrameLocator, Locator } from '@playwright/test';
import { violations } from './support/axe';
import { connected } from './support/connections';
import type { Person } from './support/person';
import { script } from './support/person';
import type { Parley } from './support/server';
import { SCRIPTED } from './support/server';
import { expect, test } from './support/test';

const SDK = join(import.meta.dirname, '../node_modules/@modelcontextprotocol/sdk/dist/esm/server/index.js');
const CHARTS = join(import.meta.dirname, 'support/charts.mjs');

/** A server whose operator has the charts. */
async function withCharts(startServer: (settings?: Record<string, string>) => Promise<Parley>): Promise<Parley> {
  const file = join(tmpdir(), `parley-apps-${process.pid}-${Date.now()}.json`);
  const charts = { command: process.execPath, args: [CHARTS], title: 'Charts', trusted: true };
  await writeFile(file, JSON.stringify({ mcpServers: { charts } }));
  return startServer({ ...SCRIPTED, PARLEY_MCP_SERVERS: file });
}

/** Waits until the charts are there, and has one drawn. */
async function drawn(person: Person): Promise<FrameLocator> {
  await connected(person, 'Charts');
  await person.open('/');
  await person.begin(script('tool charts__draw {"title": "Rain"}', 'say finished'));
  await expect(person.page.locator('iframe')).toHaveCount(0);
  await person.page.getByRole('button', { name: 'Allow once' }).click();
  await person.answered(1);
  return app(person);
}

/** Presses a button by its key: where a frame has just moved, the browser may take a click for one at its old place. */
const press = (button: Locator) => button.press('Enter');

function app(person: Person): FrameLocator {
  return person.page.frameLocator('iframe[title="draw, an app of Charts"]');
}

test.skip(!existsSync(SDK), 'the SDK is not installed');

// What the app may not reach, the browser says aloud.
const KEPT_OUT = [/Content Security Policy/, /evil\.example/, /csp/, /sandboxed/, /ERR_BLOCKED/, /Refused to/];

test('an app is told of its call, reaches nothing of the page and nothing elsewhere, and comes back', async ({ startServer, person, complaints }) => {
  complaints.expect(...KEPT_OUT);
  const server = await withCharts(startServer);
  const ada = await person({ server, browser: { colorScheme: 'light' } });
  const frame = await drawn(ada);
  await expect(frame.locator('#input')).toHaveText('Rain');
  await expect(frame.locator('#result')).toHaveText('draw Rain');
  await expect(frame.locator('#tool')).toHaveText('draw');
  await expect(frame.locator('#theme')).toHaveText('light');
  // All names that the protocol has, and the page's own values for them.
  await expect(frame.locator('#styles')).toHaveText('76');
  const colour = await ada.page.evaluate(() => getComputedStyle(document.documentElement).color);
  await expect(frame.locator('#color')).toHaveText(colour);
  for (const near of ['#cookies', '#storage', '#page']) await expect(frame.locator(near)).toHaveText('kept out: SecurityError');
  await expect(frame.locator('#elsewhere')).toHaveText('kept out');
  await expect(frame.locator('#parley')).toHaveText('kept out');
  await expect(frame.locator('#unknown')).toHaveText(/^refused: /);
  await expect(ada.page.getByText('App of Charts')).toBeVisible();

  await ada.page.emulateMedia({ colorScheme: 'dark' });
  await expect(frame.locator('#theme')).toHaveText('dark');

  // Its address is nobody's page.
  const address = await ada.page.locator('iframe').getAttribute('src');
  complaints.expect(/status 403/, /status of 403/);
  const direct = await ada.anotherTab();
  expect((await direct.page.goto(`${server.url}${address}`))?.status()).toBe(403);
  await direct.page.close();

  await ada.reload();
  await expect(frame.locator('#result')).toHaveText('draw Rain');
  await ada.page.getByRole('button', { name: 'Close this app' }).click();
  await expect(ada.page.locator('iframe')).toHaveCount(0);
  await ada.page.getByRole('button', { name: 'Show its app' }).click();
  await expect(frame.locator('#result')).toHaveText('draw Rain');
});

test('an app does not leave its frame', async ({ startServer, person, complaints }) => {
  complaints.expect(...KEPT_OUT);
  const ada = await person({ server: await withCharts(startServer) });
  const frame = await drawn(ada);
  await expect(frame.locator('#result')).toHaveText('draw Rain');
  const asked: string[] = [];
  ada.page.on('response', (response) => asked.push(response.url()));
  const blocked = ada.page.waitForEvent('console', (message) => message.text().includes('evil.example') && message.text().includes('frame'));
  // A key's press is not over before the frame is elsewhere, which it never is.
  await frame.getByRole('button', { name: 'Go away' }).click();
  await blocked;
  expect(asked.filter((url) => url.includes('evil.example'))).toEqual([]);
});

test('what an app calls is asked about, and recorded as an app\'s', async ({ startServer, person, complaints }) => {
  complaints.expect(...KEPT_OUT, /status 409/, /status of 409/);
  const ada = await person({ server: await withCharts(startServer) });
  const frame = await drawn(ada);
  await expect(frame.locator('#result')).toHaveText('draw Rain');
  const question = ada.page.getByRole('group', { name: 'Permission for refresh' });
  await press(frame.getByRole('button', { name: 'Refresh' }));
  await expect(question).toContainText('again');
  // The app is its server's to make readable; what is around it is ours.
  expect(await violations(ada.page, (axe) => axe.exclude('iframe'))).toEqual([]);
  await press(question.getByRole('button', { name: 'Deny' }));
  await expect(frame.locator('#refreshed')).toContainText('denied');
  await press(frame.getByRole('button', { name: 'Refresh' }));
  await press(question.getByRole('button', { name: 'Always allow' }));
  await expect(frame.locator('#refreshed')).toHaveText('refresh again');
  await expect(question).toHaveCount(0);
  await press(frame.getByRole('button', { name: 'Refresh' }));
  await expect(frame.locator('#refreshed')).toHaveText('refresh again');
  await press(frame.getByRole('button', { name: 'Wipe' }));
  await expect(frame.locator('#wipeed')).toContainText('refused: «Charts» has no tool «wipe»');

  await ada.open('/settings/calls');
  const calls = ada.page.getByRole('region', { name: 'Tool calls' });
  await expect(calls).toContainText('charts__refresh');
  await expect(calls).toContainText('an app in a conversation');
});

test('an app opens no address and sends no message by itself', async ({ startServer, person, complaints }) => {
  complaints.expect(...KEPT_OUT);
  const ada = await person({ server: await withCharts(startServer) });
  const frame = await drawn(ada);
  await expect(frame.locator('#result')).toHaveText('draw Rain');
  await press(frame.getByRole('button', { name: 'Documentation' }));
  const question = ada.page.getByRole('group', { name: 'An address to open' });
  await expect(question).toContainText('docs.example.org');
  await expect(question).toBeInViewport();
  await expect(question.getByRole('link', { name: 'Open it' })).toHaveAttribute('href', 'https://docs.example.org/charts');
  await press(question.getByRole('button', { name: 'Do not open it' }));
  await expect(frame.locator('#linked')).toContainText('refused');
  await ada.composer.fill('Please:');
  await press(frame.getByRole('button', { name: 'Propose' }));
  await expect(ada.composer).toHaveValue('Please:\n\nDraw it again');
  await expect(ada.page.getByText('Read it before you send it.')).toBeVisible();
  await expect(ada.messages()).toHaveCount(1);
  await ada.composer.press('Enter');
  await expect(ada.messages()).toHaveCount(2);
});

test('an app saves no file by itself', async ({ startServer, person, complaints }) => {
  complaints.expect(...KEPT_OUT);
  const ada = await person({ server: await withCharts(startServer) });
  const frame = await drawn(ada);
  await expect(frame.locator('#result')).toHaveText('draw Rain');
  const question = ada.page.getByRole('group', { name: 'Files to save' });
  await frame.getByRole('button', { name: 'Save' }).click();
  await expect(question).toContainText('chart.html');
  await expect(question).toContainText('3 bytes');
  await question.getByRole('button', { name: 'Do not save' }).click();
  await expect(frame.locator('#saveed')).toHaveText('{"isError":true}');
  await frame.getByRole('button', { name: 'Save' }).click();
  const saved = ada.page.waitForEvent('download');
  await question.getByRole('button', { name: 'Download' }).click();
  const file = await saved;
  expect(file.suggestedFilename()).toBe('chart.html');
  expect(await readFile(await file.path(), 'utf8')).toBe('<p>');
  await expect(frame.locator('#saveed')).toHaveText('{}');
  await expect(question).toHaveCount(0);
});

test('what an app told the model is shown until it goes, and can be taken back', async ({ startServer, person, complaints }) => {
  complaints.expect(...KEPT_OUT);
  const ada = await person({ server: await withCharts(startServer) });
  const frame = await drawn(ada);
  await expect(frame.locator('#result')).toHaveText('draw Rain');
  const words = (of: Person) => of.page.getByRole('region', { name: 'What apps tell the model' });
  const tell = async () => {
    await press(frame.getByRole('button', { name: 'Tell' }));
    await expect(words(ada)).toContainText('«draw», an app of Charts, tells the model something with your next message');
  };
  await expect(words(ada)).toHaveCount(0);
  await tell();
  await words(ada).getByText('«draw»').click();
  await expect(words(ada).getByText('Three bars', { exact: true })).toBeVisible();
  expect(await violations(ada.page, (axe) => axe.exclude('iframe'))).toEqual([]);

  // In another tab too, where it is taken back for both.
  const tab = await ada.anotherTab();
  await words(tab).getByRole('button', { name: 'Do not tell it' }).click();
  await expect(words(tab)).toHaveCount(0);
  await expect(words(ada)).toHaveCount(0);
  await tell();
  await expect(words(tab)).toHaveCount(1);
  await tab.page.close();

  // It outlives the page, and not the app that its person closes.
  await ada.reload();
  await expect(words(ada)).toHaveCount(1);
  await expect(frame.locator('#result')).toHaveText('draw Rain');
  await press(ada.page.getByRole('button', { name: 'Close this app' }));
  await expect(words(ada)).toHaveCount(0);
  await press(ada.page.getByRole('button', { name: 'Show its app' }));
  await expect(frame.locator('#result')).toHaveText('draw Rain');

  await tell();
  await ada.say('How many?');
  await ada.answered(2);
  await expect(ada.messages().last()).toContainText('draw told by an app of Charts');
  await expect(words(ada)).toHaveCount(0);
});

test('an app fills the page only at a press in it, and what leads back has the focus', async ({ startServer, person, complaints }) => {
  complaints.expect(...KEPT_OUT);
  const ada = await person({ server: await withCharts(startServer), browser: { colorScheme: 'light' } });
  const frame = await drawn(ada);
  await expect(frame.locator('#theme')).toHaveText('light');
  const whole = ada.page.getByRole('dialog', { name: 'draw, an app of Charts' });
  // The page counts as pressed while one types in it, its frames too.
  await ada.composer.pressSequentially('I write');
  expect(await ada.page.evaluate(() => navigator.userActivation.isActive)).toBe(true);
  await ada.page.emulateMedia({ colorScheme: 'dark' });
  await expect(frame.locator('#mode')).toHaveText('inline');
  await expect(whole).toHaveCount(0);
  await expect(ada.composer).toBeFocused();

  await press(frame.getByRole('button', { name: 'Fill the page' }));
  await expect(whole).toBeVisible();
  const back = whole.getByRole('button', { name: 'Back to the conversation' });
  await expect(back).toBeFocused();
  await ada.page.keyboard.press('Escape');
  await expect(whole).toHaveCount(0);
  // With the focus in the frame the keys are the app's: the line over it is still there.
  await press(frame.getByRole('button', { name: 'Fill the page' }));
  await frame.getByRole('button', { name: 'Tell' }).focus();
  await expect(back).toBeVisible();
  await back.click();
  await expect(whole).toHaveCount(0);
});
