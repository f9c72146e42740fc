// Programs that sign in to Parley by OAuth: a real MCP client asks, a person answers in the browser, and ends it again.
import type { Page } from '@playwright/test';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { violations } from './support/axe';
import { PASSWORD, fillAccount } from './support/person';
import { Program } from './support/program';
import { freePort } from './support/server';
import { expect, test as base } from './support/test';

const test = base.extend<{ program: Program }>({
  program: async ({}, use) => {
    const program = await Program.start('Claude on my desk');
    await use(program);
    program.stop();
  },
});

const letIn = (page: Page) => page.getByRole('button', { name: 'Let it in', exact: true });

test('a program asks, is let in, works, and is ended', async ({ person, server, program, complaints }) => {
  const ada = await person();
  const { address, said, finish } = await program.ask(server.url);
  await ada.page.goto(address);
  await expect(ada.page.getByRole('heading', { name: 'Let «Claude on my desk» in?' })).toBeVisible();
  await expect(ada.page.getByText(`You are signed in as ${ada.name}.`)).toBeVisible();
  await expect(ada.page.getByText('any other program can pass for it')).toBeVisible();
  expect(await violations(ada.page)).toEqual([]);
  await ada.page.getByLabel('Reach other machines').uncheck();
  await letIn(ada.page).click();
  await expect(ada.page.getByText('The program has its answer.')).toBeVisible();
  await finish(await said);

  const client = await program.connect(server.url);
  const sum = await client.callTool({ name: 'sum', arguments: { numbers: [2, 40] } });
  expect(sum.structuredContent).toMatchObject({ sum: 42 });

  await ada.open('/settings/programs');
  await expect(ada.page.getByText('this computer (127.0.0.1) · read write · since')).toBeVisible();
  await ada.page.getByRole('button', { name: 'End Claude on my desk' }).click();
  await expect(ada.page.getByRole('button', { name: 'End Claude on my desk' })).toHaveCount(0);
  await expect(client.callTool({ name: 'sum', arguments: { numbers: [1] } })).rejects.toThrow();
  await client.close();
});

test('without JavaScript one signs in on the way and comes back', async ({ person, visitor, server, program, complaints }) => {
  // What Chromium says of a module preload where scripts are off.
  complaints.expect(/\.js: csp$/);
  const ada = await person();
  const { address, said, finish } = await program.ask(server.url);
  const { page } = await visitor({ browser: { javaScriptEnabled: false } });
  await page.goto(address);
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await fillAccount(page, ada.name, PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByText(`You are signed in as ${ada.name}.`)).toBeVisible();
  for (const box of await page.getByRole('checkbox').all()) await box.uncheck();
  await letIn(page).click();
  await expect(page.getByRole('alert')).toContainText('Choose what it may do');
  await letIn(page).click();
  await finish(await said);
  await (await program.connect(server.url)).close();
});

test('a program that is not let in is told so', async ({ person, server, program }) => {
  const ada = await person();
  const { address, said, finish } = await program.ask(server.url);
  await ada.page.goto(address);
  await ada.page.getByRole('button', { name: 'Do not let it in' }).click();
  const answer = await said;
  expect(answer.searchParams.get('error')).toBe('access_denied');
  expect(answer.searchParams.get('iss')).toBe(server.url);
  await expect(finish(answer)).rejects.toThrow();
});

test('an address that is not the program’s gets no answer', async ({ person, server, program, complaints }) => {
  complaints.expect(/status 400/, /status of 400/);
  const ada = await person();
  const { address } = await program.ask(server.url);
  const changed = new URL(address);
  changed.searchParams.set('redirect_uri', 'https://evil.example/callback');
  await ada.page.goto(changed.href);
  await expect(ada.page.getByRole('heading', { name: 'This program cannot be let in' })).toBeVisible();
  await expect(ada.page.getByRole('alert')).toContainText('an address that is not its own');
  expect(await violations(ada.page)).toEqual([]);
});

test('the self-test walks through a sign-in', async ({ person }) => {
  const ada = await person();
  await ada.open('/settings/programs');
  await ada.page.getByRole('link', { name: 'Find out where it breaks' }).click();
  await expect(ada.page.getByRole('heading', { name: 'Can programs sign in?' })).toBeVisible();
  await ada.page.getByRole('button', { name: 'Try it' }).click();
  await expect(ada.page.getByRole('status')).toHaveText('Yes, every step works.');
  await expect(ada.page.getByRole('listitem')).toHaveCount(12);
  expect(await violations(ada.page)).toEqual([]);
});

test('the official suite finds nothing wrong with the authorization server', async ({ person, server, complaints }) => {
  const port = await freePort();
  // The suite has no icon for its page, and may have stopped listening before the browser asks for one.
  complaints.expect(new RegExp(`http://127\\.0\\.0\\.1:${port}/favicon\\.ico`));
  const modules = join(import.meta.dirname, '../node_modules');
  const suite = join(modules, '@modelcontextprotocol/conformance/dist/index.js');
  expect(existsSync(suite), `${suite} is missing: npm ci in end2end`).toBe(true);
  const registered = await fetch(`${server.url}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'The official suite',
      redirect_uris: [`http://127.0.0.1:${port}/callback`],
      token_endpoint_auth_method: 'none',
    }),
  });
  const { client_id } = (await registered.json()) as { client_id: string };
  const options = ['--url', server.url, '--client-id', client_id, '--port', `${port}`, '--resource', `${server.url}/mcp`];
  // It needs a newer node than the machine may have.
  const run = spawn(join(modules, 'node/bin/node'), [suite, 'authorization', ...options]);
  let told = '';
  const ended = new Promise<number | null>((resolve) => run.on('close', resolve));
  const address = new Promise<string>((resolve) => {
    for (const stream of [run.stdout, run.stderr]) {
      stream.on('data', (text) => {
        told += text;
        const found = /^http\S+\/authorize\?\S+(?=\s)/m.exec(told);
        if (found) resolve(found[0]);
      });
    }
  });
  const ada = await person();
  const asked = await Promise.race([address, ended.then((code) => Promise.reject(new Error(`ended with ${code}:\n${told}`)))]);
  await ada.page.goto(asked);
  await letIn(ada.page).click();
  expect(await ended, told).toBe(0);
});
