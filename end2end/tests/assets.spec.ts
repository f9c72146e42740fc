// What a first visit transfers, what a second need not, and the headers that keep strangers out.
import { expect, test } from './support/test';
import { awake } from './support/awake';
import { fillAccount, PASSWORD } from './support/person';

/** In bytes, over the wire, compressed, everything: what was asked for, and never to be raised. */
const FIRST_VISIT = 350_000;

test('a first visit transfers no more than it does, and every hashed file is for ever', async ({ person, visitor }) => {
  const ada = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  const path = new URL(ada.page.url()).pathname;
  const { page } = await visitor();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Network.enable');
  let transferred = 0;
  devtools.on('Network.loadingFinished', ({ encodedDataLength }) => (transferred += encodedDataLength));
  const hashed: string[] = [];
  page.on('response', (response) => {
    if (/\/pkg\//.test(response.url())) hashed.push(response.url());
  });
  await page.goto(`/sign-in?next=${path}`);
  await awake(page);
  await fillAccount(page, ada.name, PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`${path}$`));
  await awake(page);
  expect(hashed.length).toBeGreaterThanOrEqual(3);
  expect(transferred).toBeGreaterThan(10_000);
  expect(transferred).toBeLessThan(FIRST_VISIT);

  for (const url of new Set(hashed)) {
    const answer = await fetch(url, { headers: { 'accept-encoding': 'br' } });
    expect(answer.headers.get('cache-control'), url).toMatch(/max-age=31536000.*immutable/);
    expect(answer.headers.get('content-encoding'), url).toBe('br');
    expect(url).toMatch(/\.[0-9a-zA-Z_-]{16,}(\.|\/)/);
  }
});

test('pages carry a strict policy and are not kept', async ({ server }) => {
  const answer = await fetch(`${server.url}/sign-in`);
  const policy = answer.headers.get('content-security-policy') ?? '';
  expect(policy).toMatch(/script-src[^;]*'nonce-[^']+'/);
  expect(policy).toContain("'wasm-unsafe-eval'");
  expect(policy).not.toMatch(/script-src[^;]*'unsafe-(inline|eval)'/);
  expect(policy).toMatch(/frame-ancestors 'none'/);
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  expect(answer.headers.get('referrer-policy')).toBeTruthy();
  expect(answer.headers.get('cache-control') ?? '').toMatch(/no-store|no-cache|private/);
  const again = (await fetch(`${server.url}/sign-in`)).headers.get('content-security-policy');
  expect(again, 'a nonce is used once').not.toBe(policy);
});

test('a form posted from elsewhere is refused', async ({ server }) => {
  const answer = await fetch(`${server.url}/sign-in`, { redirect: 'manual' });
  expect(answer.ok).toBe(true);
  const html = await answer.text();
  const action = /<form[^>]*action="([^"]+)"/.exec(html)?.[1] ?? '';
  const posted = await fetch(new URL(action, server.url), {
    method: 'POST',
    redirect: 'manual',
    headers: { origin: 'https://evil.example', 'content-type': 'application/x-www-form-urlencoded' },
    body: 'name=a&password=b&next=/',
  });
  expect(posted.status).toBe(403);
});
