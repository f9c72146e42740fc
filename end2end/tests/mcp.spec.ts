// Parley as an MCP server: a token made on a page of the settings, and the clients that people's programs are built with.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as EarlierClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as EarlierTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Person } from './support/person';
import { expect, test } from './support/test';

const ME = { name: 'parley-end2end', version: '1' };

/** Makes a token with what the boxes say, and returns its text. */
async function makeToken(person: Person, name: string, boxes: string[] = []): Promise<string> {
  const page = person.page;
  await person.open('/settings/programs');
  await page.getByLabel('Name of a new token').fill(name);
  for (const box of boxes) await page.getByLabel(box).check();
  await page.getByRole('button', { name: 'Make the token' }).click();
  const token = page.getByRole('status').locator('pre');
  await expect(token).toHaveText(/^parley_[\w-]{43}$/);
  return token.innerText();
}

function over(url: string, token: string): [URL, { requestInit: RequestInit }] {
  return [new URL('/mcp', url), { requestInit: { headers: { Authorization: `Bearer ${token}` } } }];
}

/** A client of the newest SDK; `pin` is the revision without a handshake, `legacy` the one before. */
async function connect(url: string, token: string, mode: 'legacy' | { pin: string }): Promise<Client> {
  const client = new Client(ME, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(...over(url, token)));
  return client;
}

test('a token opens the tools to clients of every era, and ending it shuts them out', async ({ person, server }) => {
  const ada = await person();
  const token = await makeToken(ada, 'Claude on my laptop', ['Change what is yours here, such as titles']);

  for (const mode of ['legacy', { pin: '2026-07-28' }] as const) {
    const client = await connect(server.url, token, mode);
    expect(client.getNegotiatedProtocolVersion()).toBe(mode === 'legacy' ? '2025-11-25' : mode.pin);
    const { tools } = await client.listTools();
    expect(tools.map((tool) => tool.name)).toEqual(expect.arrayContaining(['sum', 'search_conversations']));
    const sum = await client.callTool({ name: 'sum', arguments: { numbers: [2, 40] } });
    expect(sum.structuredContent).toMatchObject({ sum: 42 });
    await client.close();
  }
  const earlier = new EarlierClient(ME);
  await earlier.connect(new EarlierTransport(...over(server.url, token)));
  expect((await earlier.callTool({ name: 'sum', arguments: { numbers: [1, 2] } })).structuredContent).toMatchObject({ sum: 3 });
  await earlier.close();

  await ada.reload();
  await expect(ada.page.getByText('parley_')).toHaveCount(0);
  await expect(ada.page.getByText('read write · last used')).toBeVisible();
  await ada.page.getByRole('button', { name: 'End Claude on my laptop' }).click();
  await expect(ada.page.getByRole('button', { name: 'End Claude on my laptop' })).toHaveCount(0);
  await expect(connect(server.url, token, 'legacy')).rejects.toThrow();
});

test('a token does no more than its boxes say', async ({ person, server }) => {
  const ada = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  const conversation = new URL(ada.page.url()).pathname.split('/').pop();
  const client = await connect(server.url, await makeToken(ada, 'reader'), { pin: '2026-07-28' });
  const history = await client.callTool({ name: 'get_conversation_history', arguments: { conversation_id: conversation } });
  expect(JSON.stringify(history.content)).toContain('hello');
  const rename = client.callTool({ name: 'rename_conversation', arguments: { conversation_id: conversation, title: 'Mine now' } });
  await expect(rename).rejects.toThrow();
  await client.close();
  await ada.open('/');
  await expect(ada.page.getByText('Mine now')).toHaveCount(0);
});

test('a name that is empty is named, and nothing is made', async ({ person, complaints }) => {
  complaints.expect(/status 422/, /status of 422/);
  const ada = await person();
  await ada.open('/settings/programs');
  const { page } = ada;
  await page.getByLabel('Name of a new token').fill('   ');
  await page.getByRole('button', { name: 'Make the token' }).click();
  await expect(page.getByText('Give the token a name')).toBeVisible();
  await expect(page.getByRole('button', { name: /^End / })).toHaveCount(0);
});
