// The example apps of the MCP Apps SDK, as its makers publish them, in Parley: what they may ask of a host works.
import { writeFile } from 'node:fs/promises';
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

const SERVERS = join(import.meta.dirname, '../node_modules/@modelcontextprotocol');
const DEBUG = join(SERVERS, 'server-debug/dist/index.js');
const BUDGET = join(SERVERS, 'server-budget-allocator/dist/index.js');

// What the apps' libraries try and may not, the browser says aloud.
const KEPT_OUT = [/Content Security Policy/, /csp/, /sandboxed/];

/** A server whose operator has the examples. */
async function withExamples(startServer: (settings?: Record<string, string>) => Promise<Parley>): Promise<Parley> {
  const file = join(tmpdir(), `parley-examples-${process.pid}-${Date.now()}.json`);
  const example = (path: string, title: string, ...more: string[]) => ({
    command: process.execPath, args: [path, '--stdio', ...more], title, trusted: true,
  });
  const mcpServers = { debug: example(DEBUG, 'Debug', `--log-file=${file}.log`), budget: example(BUDGET, 'Budget') };
  await writeFile(file, JSON.stringify({ mcpServers }));
  return startServer({ ...SCRIPTED, PARLEY_MCP_SERVERS: file });
}

/** Waits until a server is there, and has a tool of its called. */
async function shown(person: Person, server: string, call: string, title: string): Promise<FrameLocator> {
  await connected(person, server);
  await person.open('/');
  await person.begin(script(`tool ${call}`, 'say finished'));
  await person.page.getByRole('button', { name: 'Allow once' }).click();
  await person.answered(1);
  return person.page.frameLocator(`iframe[title="${title}, an app of ${server}"]`);
}

/** An app's frame is its server's to make readable; what is around it is ours. */
async function ours(person: Person): Promise<void> {
  expect(await violations(person.page, (axe) => axe.exclude('iframe'))).toEqual([]);
}

test('the debug app uses everything that a host has', async ({ startServer, person, complaints }) => {
  complaints.expect(...KEPT_OUT);
  const ada = await person({ server: await withExamples(startServer) });
  const call = 'debug__debug-tool {"contentType": "mixed", "multipleBlocks": false, "includeMeta": true}';
  const frame = await shown(ada, 'Debug', call, 'Debug Tool');
  const permission = (title: string): Locator => ada.page.getByRole('group', { name: `Permission for ${title}` });
  const event = (type: string): Locator => frame.locator('.log-entry').filter({ has: frame.locator(`.log-type.${type}`) });

  // It writes down each event through a tool of its server's: one word allows them all.
  await permission('Log to File').getByRole('button', { name: 'Always allow' }).click();
  await expect(permission('Log to File')).toHaveCount(0);
  await expect(event('connected')).toHaveCount(1);
  await expect(event('ontoolinput')).toContainText('mixed');
  for (const piece of ['Mixed content: text block', 'image/png', 'audio/wav', 'debugInfo', 'counter']) {
    await expect(event('ontoolresult')).toContainText(piece);
  }
  await expect(frame.locator('#host-context-info')).toContainText('inline');
  await expect(frame.locator('#host-context-info')).toContainText('parley v');
  await expect(frame.locator('#host-capabilities-info')).toContainText('updateModelContext');
  await expect(frame.locator('#host-capabilities-info')).not.toContainText('✗');

  // Its app-only tool, asked about.
  await frame.getByRole('button', { name: 'Call debug-refresh' }).click();
  await expect(permission('Refresh Debug Info')).toBeVisible();
  await ours(ada);
  await permission('Refresh Debug Info').getByRole('button', { name: 'Allow once' }).click();
  await expect(event('server-tool-result')).toContainText('Server timestamp');

  // What it tells the model: its last word, readable, with the next message.
  await frame.locator('#context-text').fill('the lamp is off');
  await frame.getByRole('button', { name: 'Update (Text)' }).click();
  await expect(event('update-context')).toHaveCount(1);
  await frame.locator('#context-text').fill('the lamp is on');
  await frame.getByRole('button', { name: 'Update (Text)' }).click();
  const tells = ada.page.getByRole('region', { name: 'What apps tell the model' });
  await tells.getByText('«Debug Tool», an app of Debug').click();
  await expect(tells.getByText('the lamp is on', { exact: true })).toBeVisible();
  await ours(ada);
  await ada.say('How is the lamp?');
  const reply = await ada.answered(2);
  await expect(reply).toContainText('Told by an app of another server');
  await expect(reply).toContainText('the lamp is on');
  await expect(reply).not.toContainText('the lamp is off');
  await expect(ada.messages().last()).toContainText('Debug Tool told by an app of Debug');
  await expect(tells).toHaveCount(0);

  // Over the whole page and back, without being loaded anew.
  const whole = ada.page.getByRole('dialog', { name: 'Debug Tool, an app of Debug' });
  const back = whole.getByRole('button', { name: 'Back to the conversation' });
  await frame.getByRole('button', { name: 'PiP' }).click();
  await expect(event('display-mode-result')).toContainText('"inline"');
  await frame.getByRole('button', { name: 'Fullscreen' }).click();
  await expect(whole).toBeVisible();
  await expect(back).toBeFocused();
  await expect(frame.locator('#host-context-info')).toContainText('fullscreen');
  const size = ada.page.viewportSize();
  expect(await whole.boundingBox()).toEqual({ x: 0, y: 0, width: size?.width, height: size?.height });
  await ours(ada);
  await ada.page.keyboard.press('Escape');
  await expect(whole).toHaveCount(0);
  await expect(frame.locator('#host-context-info')).toContainText('inline');
  await frame.getByRole('button', { name: 'Fullscreen' }).click();
  await back.click();
  await expect(whole).toHaveCount(0);
  await expect(event('connected')).toHaveCount(1);
  await ada.composer.fill('Here again');
  await expect(ada.composer).toHaveValue('Here again');
});

test('the budget allocator draws its result, and its person makes room for it', async ({ startServer, person, complaints }) => {
  complaints.expect(...KEPT_OUT);
  const ada = await person({ server: await withExamples(startServer), browser: { reducedMotion: 'reduce' } });
  const frame = await shown(ada, 'Budget', 'budget__get-budget-data {}', 'Get Budget Data');
  await expect(frame.locator('#status-bar')).toContainText('$100,000 / $100,000');
  await expect(frame.getByRole('slider')).toHaveCount(5);
  await ada.page.getByRole('button', { name: 'Show this app on the whole page' }).click();
  const whole = ada.page.getByRole('dialog', { name: 'Get Budget Data, an app of Budget' });
  await expect(whole.getByText('App of Budget')).toBeVisible();
  await ours(ada);
  await frame.getByLabel('Stage:').selectOption('Growth');
  await whole.getByRole('button', { name: 'Back to the conversation' }).click();
  await expect(whole).toHaveCount(0);
  await expect(frame.getByLabel('Stage:')).toHaveValue('Growth');
  await ours(ada);
});
