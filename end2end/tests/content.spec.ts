// What tools answer besides text: images, links and results too long for a message, by the reference server.
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { violations } from './support/axe';
import { connected } from './support/connections';
import type { Person } from './support/person';
import { script } from './support/person';
import { SCRIPTED } from './support/server';
import { expect, test } from './support/test';

const EVERYTHING = join(import.meta.dirname, '../node_modules/@modelcontextprotocol/server-everything/dist/index.js');

/** An operator's file with the reference server. */
async function operatorsFile(): Promise<string> {
  const file = join(tmpdir(), `parley-content-${process.pid}-${Date.now()}.json`);
  const everything = { command: process.execPath, args: [EVERYTHING, 'stdio'], title: 'Everything', trusted: true };
  await writeFile(file, JSON.stringify({ mcpServers: { everything } }));
  return file;
}

/** Says something in a new conversation once the server answers, and allows what it asks. */
async function played(person: Person, ...lines: string[]): Promise<void> {
  await connected(person, 'Everything');
  await person.open('/');
  await person.begin(script(...lines, 'say finished'));
  const allow = person.page.getByRole('button', { name: 'Allow once' });
  await expect(allow.or(person.replies.last().getByText('finished'))).toBeVisible();
  if (await allow.isVisible()) await allow.click();
  await person.answered(1);
}

test.describe('with the reference server', () => {
  test.skip(!existsSync(EVERYTHING), 'the reference server is not installed');

  test('an image is shown under its call, to members alone', async ({ startServer, person }) => {
    const server = await startServer({ ...SCRIPTED, PARLEY_MCP_SERVERS: await operatorsFile() });
    const ada = await person({ server });
    await played(ada, 'tool everything__get-tiny-image');
    const reply = ada.replies.last();
    // The other one is in what is folded up.
    const image = reply.getByRole('img', { name: /^Image from .+ \(Everything\)$/ }).last();
    await expect(image).toBeVisible();
    await expect.poll(() => image.evaluate((img) => (img as HTMLImageElement).naturalWidth)).toBeGreaterThan(0);
    await ada.reload();
    await expect(image).toBeVisible();
    const large = image.locator('..');
    await expect(large).toHaveAttribute('target', '_blank');
    const path = (await large.getAttribute('href')) ?? '';
    const own = await ada.page.request.get(path);
    expect([own.status(), own.headers()['content-type']]).toEqual([200, 'image/png']);
    const eve = await person({ server });
    expect((await eve.page.request.get(path)).status()).toBe(404);

    await reply.locator('summary').first().click();
    await expect(reply.getByRole('link', { name: 'Download Image' })).toBeVisible();
    expect(await violations(ada.page, (axe) => axe.include('[role=log]'))).toEqual([]);
  });

  test('links are named with where they lead', async ({ startServer, person }) => {
    const server = await startServer({ ...SCRIPTED, PARLEY_MCP_SERVERS: await operatorsFile() });
    const ada = await person({ server });
    await played(ada, 'tool everything__get-resource-links {"count": 2}');
    const reply = ada.replies.last();
    await reply.locator('summary').first().click();
    await expect(reply.getByText(/^demo:\/\/resource\//)).toHaveCount(2);
    await expect(reply.getByRole('link', { name: /demo:/ })).toHaveCount(0);
  });

  test('a result too long for a message is downloaded whole', async ({ startServer, person }) => {
    const server = await startServer({ ...SCRIPTED, PARLEY_MCP_SERVERS: await operatorsFile() });
    const ada = await person({ server });
    await played(ada, `tool everything__echo {"message": "${'é'.repeat(20_000)}"}`);
    const reply = ada.replies.last();
    await reply.locator('summary').first().click();
    await expect(reply.getByText('The result was longer and was cut here.')).toBeVisible();
    await expect(reply.getByText(/The whole result, 4\d kB/)).toBeVisible();
    const download = ada.page.waitForEvent('download');
    await reply.getByRole('link', { name: 'Download the whole result' }).click();
    const file = await (await download).path();
    expect(await readFile(file, 'utf8')).toContain('é'.repeat(20_000));
  });

  test('how far a tool is stands in its line, which stays one line', async ({ startServer, person }) => {
    const server = await startServer({ ...SCRIPTED, PARLEY_MCP_SERVERS: await operatorsFile() });
    const ada = await person({ server });
    await connected(ada, 'Everything');
    await ada.open('/');
    await ada.begin(script('tool everything__trigger-long-running-operation {"duration": 10, "steps": 10}', 'say finished'));
    const line = ada.replies.last().locator('summary').first();
    const bar = line.getByRole('progressbar', { name: 'Progress' });
    await expect(bar).toHaveAttribute('value', /^[1-4]0$/);
    await expect(line).toContainText(/[1-9]0 %/);
    await expect(bar).toHaveAttribute('value', /^[5-9]0$/);
    await ada.answered(1);
    await expect(bar).toHaveCount(0);
    // The long name is cut, and the state stands beside it.
    const name = await line.locator('code').boundingBox();
    const state = await line.getByText(/^Done/).boundingBox();
    if (!name || !state) throw new Error('the line is not drawn');
    const middle = (box: { y: number; height: number }) => box.y + box.height / 2;
    expect(Math.abs(middle(name) - middle(state))).toBeLessThan(state.height / 2);
  });
});
