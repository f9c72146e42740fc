// Other MCP servers: the reference server «everything» as a program of the operator's, from its page to a conversation.
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, connected, fares } from './support/connections';
import type { Person } from './support/person';
import { script } from './support/person';
import { SCRIPTED } from './support/server';
import { expect, test } from './support/test';

const EVERYTHING = join(import.meta.dirname, '../node_modules/@modelcontextprotocol/server-everything/dist/index.js');

/** An operator's file with the reference server; where it is trusted its tools run unasked if they only read. */
async function operatorsFile(trusted = true): Promise<string> {
  const file = join(tmpdir(), `parley-mcp-${process.pid}-${Date.now()}.json`);
  const everything = { command: process.execPath, args: [EVERYTHING, 'stdio'], title: 'Everything', trusted };
  await writeFile(file, JSON.stringify({ mcpServers: { everything } }));
  return file;
}

/** Allows the call if it asks, and waits for the reply. */
async function allowed(person: Person): Promise<void> {
  const allow = person.page.getByRole('button', { name: 'Allow once' });
  await expect(allow.or(person.replies.last().getByText('finished'))).toBeVisible();
  if (await allow.isVisible()) await allow.click();
  await person.answered(1);
}

test.describe('with the reference server', () => {
  test('its tools are shown with what they cost, and a conversation uses them', async ({ startServer, person }) => {
    const server = await startServer({ ...SCRIPTED, PARLEY_MCP_SERVERS: await operatorsFile() });
    const ada = await person({ server });
    await connected(ada, 'Everything');
    const region = ada.page.getByRole('region', { name: 'Everything' });
    await expect(region).toContainText('It calls itself');
    await expect(region).toContainText(/cost about \d+ tokens/);
    await region.getByText(/^\d+ tools$/).click();
    await expect(region.getByText('everything__echo')).toBeVisible();

    await ada.open('/');
    await ada.begin(script('tool everything__echo {"message": "hello over there"}', 'echo', 'say finished'));
    await allowed(ada);
    await expect(ada.replies.last()).toContainText('Echo: hello over there');
  });

  test('whether it only reads, as it says, is asked about once', async ({ startServer, person }) => {
    const server = await startServer({ ...SCRIPTED, PARLEY_MCP_SERVERS: await operatorsFile(false) });
    const ada = await person({ server });
    await connected(ada, 'Everything');
    await ada.open('/');
    const echo = script('tool everything__echo {"message": "hello over there"}', 'echo', 'say finished');
    await ada.begin(echo);
    const question = ada.page.getByRole('group', { name: /Permission for/ });
    await expect(question).toContainText('Everything says that it changes nothing.');
    await expect(question).toContainText('asked once');
    const look = (name: string) =>
      question.getByRole('button', { name }).evaluate((button) => getComputedStyle(button).backgroundImage);
    expect(await look('Allow once')).toBe(await look('Deny'));
    expect(await look('Always allow')).not.toBe(await look('Deny'));
    await question.getByRole('button', { name: 'Always allow' }).click();
    await ada.answered(1);
    await ada.say(echo);
    await ada.answered(2);
    await expect(ada.replies.last()).toContainText('Echo: hello over there');
  });

  test('a tool that is switched off is not used, and works again without JavaScript', async ({ startServer, person, visitor, complaints }) => {
    complaints.expect(/\.js: csp$/);
    const server = await startServer({ ...SCRIPTED, PARLEY_MCP_SERVERS: await operatorsFile() });
    const ada = await person({ server });
    await connected(ada, 'Everything');
    const region = ada.page.getByRole('region', { name: 'Everything' });
    await region.getByText(/^\d+ tools$/).click();
    await region.getByRole('button', { name: 'Switch off echo' }).click();
    await expect(ada.page.getByRole('button', { name: 'Switch on echo' })).toBeAttached();
    await ada.open('/');
    await ada.begin(script('tool everything__echo {"message": "x"}', 'echo', 'say finished'));
    await ada.answered(1);
    await expect(ada.replies.last()).toContainText('switched off');

    const { page } = await visitor({ server, browser: { javaScriptEnabled: false } });
    await page.context().addCookies(await ada.context.cookies());
    await page.goto(`${server.url}/settings/connections`);
    await page.getByText(/^\d+ tools$/).click();
    await page.getByRole('button', { name: 'Switch on echo' }).click();
    await expect(page).toHaveURL(/\/settings\/connections$/);
    await page.getByText(/^\d+ tools$/).click();
    await expect(page.getByRole('button', { name: 'Switch off echo' })).toBeVisible();
  });
});

test('a server of one\'s own is connected, told about, renamed and removed', async ({ startServer, person }) => {
  const server = await startServer({ ...SCRIPTED, PARLEY_MCP_PRIVATE: 'allow' });
  const ada = await person({ server });
  // A port that nobody listens at.
  await connect(ada, 'Nowhere', 'http://127.0.0.1:9/mcp');
  await expect(ada.page.getByLabel('Address')).toHaveValue('');
  await fares(ada, 'Nowhere', (region) => expect(region).toContainText('Away', { timeout: 500 }));
  const region = ada.page.getByRole('region', { name: 'Nowhere' });
  await expect(region).toContainText('It cannot be reached');
  await region.getByText('Rename or remove it').click();
  await region.getByLabel('New name of Nowhere').fill('Elsewhere');
  await region.getByRole('button', { name: 'Rename' }).click();
  const renamed = ada.page.getByRole('region', { name: 'Elsewhere' });
  await expect(renamed).toBeVisible();
  // What was opened before the renaming may still be open.
  const remove = renamed.getByRole('button', { name: 'Remove' });
  if (!(await remove.isVisible())) await renamed.getByText('Rename or remove it').click();
  await remove.click();
  await expect(ada.page.getByText('No server is connected yet.')).toBeVisible();
});

test('an address nearby is refused with a sentence', async ({ person, complaints }) => {
  complaints.expect(/status 422/, /status of 422/);
  const ada = await person();
  await ada.open('/settings/connections');
  await ada.page.getByLabel('Name', { exact: true }).fill('Router');
  await ada.page.getByLabel('Address').fill('https://192.168.0.1/');
  await ada.page.getByRole('button', { name: 'Connect', exact: true }).click();
  await expect(ada.page.getByRole('alert').filter({ hasText: 'private' })).toBeVisible();
});
