// What a connected server asks while its tool runs: the reference server «everything» asks for a form, and sends its person
// to an address.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator } from '@playwright/test';
import { violations } from './support/axe';
import { connected } from './support/connections';
import type { Person } from './support/person';
import { script } from './support/person';
import type { Parley } from './support/server';
import { SCRIPTED } from './support/server';
import { expect, test } from './support/test';

const EVERYTHING = join(import.meta.dirname, '../node_modules/@modelcontextprotocol/server-everything/dist/index.js');

/** A server whose operator has the reference server. */
async function withEverything(startServer: (settings?: Record<string, string>) => Promise<Parley>): Promise<Parley> {
  const file = join(tmpdir(), `parley-asks-${process.pid}-${Date.now()}.json`);
  const everything = { command: process.execPath, args: [EVERYTHING, 'stdio'], title: 'Everything', trusted: true };
  await writeFile(file, JSON.stringify({ mcpServers: { everything } }));
  return startServer({ ...SCRIPTED, PARLEY_MCP_SERVERS: file });
}

/** What the server asks, once its tool was allowed to run. */
async function asked(person: Person): Promise<Locator> {
  const allow = person.page.getByRole('button', { name: 'Allow once' });
  const card = person.page.getByRole('group', { name: 'Everything asks' });
  await expect(allow.or(card)).toBeVisible();
  if (await allow.isVisible()) await allow.click();
  await expect(card).toContainText('The server Everything asks you');
  return card;
}

/** A site that notes who comes. */
async function site(): Promise<{ address: string; visits: string[]; stop: () => void }> {
  const visits: string[] = [];
  const listening = createServer((request, response) => {
    visits.push(request.url ?? '');
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end('<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Sign</title>Sign here.');
  }).listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const stop = () => {
    listening.close();
    listening.closeAllConnections();
  };
  return { address: `http://127.0.0.1:${(listening.address() as AddressInfo).port}`, visits, stop };
}

test.skip(!existsSync(EVERYTHING), 'the reference server is not installed');

test('a server asks by a form that names it, and hears what was filled in', async ({ startServer, person }) => {
  const ada = await person({ server: await withEverything(startServer) });
  await connected(ada, 'Everything');
  await ada.open('/');
  await ada.begin(script('tool everything__trigger-elicitation-request {}', 'echo', 'say finished'));
  const card = await asked(ada);
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

test('a server sends its person to an address, which nobody visits before they do', async ({ startServer, person }) => {
  const ada = await person({ server: await withEverything(startServer) });
  const { address, visits, stop } = await site();
  try {
    await connected(ada, 'Everything');
    await ada.open('/');
    const visit = (path: string) => {
      const params = JSON.stringify({ url: `${address}${path}`, message: 'Sign it there, please.' });
      return script(`tool everything__trigger-url-elicitation ${params}`, 'echo', 'say finished');
    };
    await ada.begin(visit('/sign?document=1&page=2'));
    let card = await asked(ada);
    await expect(card).toContainText('Sign it there, please.');
    await expect(card.getByText(new URL(address).host, { exact: true })).toBeVisible();
    await expect(card.getByText(`${address}/sign?document=1&page=2`, { exact: true })).toBeVisible();
    expect(await violations(ada.page)).toEqual([]);
    const link = card.getByRole('link', { name: 'Open it in a new tab' });
    await expect(link).toHaveAttribute('href', `${address}/sign?document=1&page=2`);
    expect(visits).toEqual([]);
    const opened = ada.context.waitForEvent('page');
    await link.click();
    const tab = await opened;
    await expect(tab.getByText('Sign here.')).toBeVisible();
    expect(await tab.evaluate(() => [window.opener, document.referrer])).toEqual([null, '']);
    expect(visits).toEqual(['/sign?document=1&page=2']);
    await tab.close();
    await card.getByRole('button', { name: 'I am done there' }).click();
    await expect(card).toBeHidden();
    await expect(await ada.answered(1)).toContainText('User completed the URL elicitation flow');

    await ada.say(visit('/sign?document=2'));
    card = await asked(ada);
    await card.getByRole('button', { name: 'Decline' }).click();
    await expect(card).toBeHidden();
    await expect(await ada.answered(2)).toContainText('User declined to open the URL');
    expect(visits).toEqual(['/sign?document=1&page=2']);
  } finally {
    stop();
  }
});
