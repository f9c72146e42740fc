// What a connected server asks while its tool runs: the reference server «everything» asks for a form.
import { writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connected } from './support/connections';
import { script } from './support/person';
import { SCRIPTED } from './support/server';
import { expect, test } from './support/test';

const EVERYTHING = join(import.meta.dirname, '../node_modules/@modelcontextprotocol/server-everything/dist/index.js');

test('a server asks by a form that names it, and hears what was filled in', async ({ startServer, person }) => {
  test.skip(!existsSync(EVERYTHING), 'the reference server is not installed');
  const file = join(tmpdir(), `parley-asks-${process.pid}-${Date.now()}.json`);
  const everything = { command: process.execPath, args: [EVERYTHING, 'stdio'], title: 'Everything', trusted: true };
  await writeFile(file, JSON.stringify({ mcpServers: { everything } }));
  const server = await startServer({ ...SCRIPTED, PARLEY_MCP_SERVERS: file });
  const ada = await person({ server });
  await connected(ada, 'Everything');
  await ada.open('/');
  await ada.begin(script('tool everything__trigger-elicitation-request {}', 'echo', 'say finished'));
  const allow = ada.page.getByRole('button', { name: 'Allow once' });
  const card = ada.page.getByRole('group', { name: 'Everything asks' });
  await expect(allow.or(card)).toBeVisible();
  if (await allow.isVisible()) await allow.click();
  await expect(card).toContainText('The server Everything asks you');
  await expect(card).toContainText('Never give a password');
  // Everything that must be filled in, whatever the reference server asks for today.
  for (const field of await card.locator('input[type=text][required], input:not([type])[required]').all()) {
    await field.fill('Ada');
  }
  await card.getByRole('button', { name: 'Send' }).click();
  await expect(card).toBeHidden();
  await ada.answered(1);
  await expect(ada.replies.last()).toContainText('asked the user something, they answered');
});
