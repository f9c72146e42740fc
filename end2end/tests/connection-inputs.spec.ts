// What a server of the operator's file has each person fill in: the reference server «everything», which says again what
// is in its environment, filled in with script and without.
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { violations } from './support/axe';
import { connected, fares } from './support/connections';
import { type Person, script } from './support/person';
import { SCRIPTED } from './support/server';
import { expect, test } from './support/test';

const EVERYTHING = join(import.meta.dirname, '../node_modules/@modelcontextprotocol/server-everything/dist/index.js');

async function operatorsFile(): Promise<string> {
  const file = join(tmpdir(), `parley-inputs-${process.pid}-${Date.now()}.json`);
  const inputs = [
    { type: 'promptString', id: 'api-key', description: 'Your API key', password: true },
    { type: 'promptString', id: 'tenant', description: 'Your tenant', default: 'main' },
  ];
  const env = { SAID: '${input:tenant}/${input:api-key}' };
  const everything = { command: process.execPath, args: [EVERYTHING, 'stdio'], title: 'Everything', trusted: true, env, inputs };
  await writeFile(file, JSON.stringify({ mcpServers: { everything } }));
  return file;
}

const region = (person: Person) => person.page.getByRole('region', { name: 'Everything' });

const waits = (person: Person) =>
  fares(person, 'Everything', (region) => expect(region).toContainText('Waiting for your details', { timeout: 500 }));

/** What the server's program finds in its environment. */
async function said(person: Person, words: string): Promise<void> {
  await person.open('/');
  await person.begin(script('tool everything__get-env {}', 'echo', 'say finished'));
  const allow = person.page.getByRole('button', { name: 'Allow once' });
  await expect(allow.or(person.replies.last().getByText('finished'))).toBeVisible();
  if (await allow.isVisible()) await allow.click();
  await person.answered(1);
  await expect(person.replies.last()).toContainText(words);
}

test('a server waits for what one fills in, uses it, and forgets it', async ({ startServer, person }) => {
  const server = await startServer({ ...SCRIPTED, PARLEY_MCP_SERVERS: await operatorsFile() });
  const ada = await person({ server });
  await waits(ada);
  expect(await violations(ada.page), 'a server that waits').toEqual([]);
  await expect(region(ada).getByRole('button', { name: 'Reconnect now' })).toHaveCount(0);
  await region(ada).getByLabel('Your API key').fill('adas-key');
  await region(ada).getByRole('button', { name: 'Connect: Everything' }).click();
  await expect(region(ada)).not.toContainText('Waiting for your details');
  await connected(ada, 'Everything');
  await said(ada, 'main/adas-key');

  await connected(ada, 'Everything');
  await region(ada).getByText('What you filled in').first().click();
  await expect(region(ada).getByLabel('Your API key')).toHaveValue('');
  await region(ada).getByLabel('Your tenant').fill('acme');
  // Leaving earlier would call the request back.
  const saved = ada.page.waitForResponse(/fill_connection/);
  await region(ada).getByRole('button', { name: 'Save and reconnect: Everything' }).click();
  await saved;
  await connected(ada, 'Everything');
  await expect(region(ada).getByLabel('Your tenant')).toHaveValue('acme');
  await said(ada, 'acme/adas-key');

  await connected(ada, 'Everything');
  expect(await violations(ada.page), 'a server that is filled in').toEqual([]);
  await region(ada).getByText('What you filled in').first().click();
  await region(ada).getByRole('button', { name: 'Forget what I filled in: Everything' }).click();
  await expect(region(ada)).toContainText('Waiting for your details');
});

test('one fills it in without JavaScript, for oneself alone', async ({ startServer, person, visitor, complaints }) => {
  complaints.expect(/\.js: csp$/);
  const server = await startServer({ ...SCRIPTED, PARLEY_MCP_SERVERS: await operatorsFile() });
  const [ada, eve] = [await person({ server }), await person({ server })];
  const { page } = await visitor({ server, browser: { javaScriptEnabled: false } });
  await page.context().addCookies(await ada.context.cookies());
  await page.goto(`${server.url}/settings/connections`);
  await page.getByLabel('Your API key').fill('adas-key');
  await page.getByRole('button', { name: 'Connect: Everything' }).click();
  await expect(page).toHaveURL(/\/settings\/connections$/);
  await expect(page.getByText('It is filled in. Leave it empty to keep it.')).toBeAttached();
  expect(await page.content()).not.toContain('adas-key');
  await connected(ada, 'Everything');
  await waits(eve);
});
