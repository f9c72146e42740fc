// Nobody's text ever runs: not a person's, a model's or a tool's, streamed or rendered by the server.
import { expect, test } from './support/test';
import { script } from './support/person';

const PAYLOADS = [
  '<script>window.pwned = 1</script>',
  '<img src=x onerror="window.pwned = 2">',
  '<svg onload="window.pwned = 3"></svg>',
  '[press](javascript:window.pwned=4)',
  '![picture](javascript:window.pwned=5)',
  '<a href="javascript:window.pwned=6">raw</a>',
  '[data](data:text/html,<script>window.pwned=7</script>)',
  '<iframe srcdoc="<script>parent.pwned=8</script>"></iframe>',
  '`<script>window.pwned = 9</script>`',
  '<style>*{display:none}</style>',
  '[x](" onmouseover="window.pwned=10)',
  '<form action="https://evil.example"><input name=q></form>',
];

test('payloads stay text, while streaming and after a reload', async ({ person }) => {
  const ada = await person();
  await ada.begin(script(...PAYLOADS.map((payload) => `put ${payload}\\n\\n`)));
  await ada.answered(1);

  const harmless = async () => {
    for (const link of await ada.replies.last().getByRole('link').all()) {
      expect(await link.getAttribute('href')).toMatch(/^(https?:|mailto:)/);
    }
    expect(await ada.page.evaluate(() => (window as { pwned?: number }).pwned)).toBeUndefined();
    const prose = ada.transcript.locator('article');
    await expect(prose.locator('script, iframe, style, form[action], img[onerror], svg[onload]')).toHaveCount(0);
    expect(await prose.evaluateAll((all) =>
      all.flatMap((root) => [...root.querySelectorAll('*')]).flatMap((element) => element.getAttributeNames()).filter((name) => name.startsWith('on')),
    )).toEqual([]);
    await expect(ada.replies.last()).toContainText('<script>window.pwned = 1</script>');
  };
  await harmless();
  const [streamed] = await ada.replies.last().allInnerTexts();
  await ada.reload();
  await harmless();
  expect((await ada.replies.last().allInnerTexts())[0]).toBe(streamed);
});

test('what people and tools say is text as well', async ({ person }) => {
  const ada = await person();
  await ada.begin(script(`tool sum {"numbers": ["<img src=x onerror=window.pwned=1>"]}`, 'echo'));
  await ada.answered(1);
  for (const closed of await ada.replies.last().locator('summary').all()) await closed.click();
  await ada.say('<img src=x onerror="window.pwned=2"> [press](javascript:window.pwned=3)');
  await ada.answered(2);
  expect(await ada.page.evaluate(() => (window as { pwned?: number }).pwned)).toBeUndefined();
  await expect(ada.transcript.locator('img')).toHaveCount(0);
  await expect(ada.messages().last()).toContainText('<img');
});

test('tables, code and links look as they should, on both sides', async ({ person }) => {
  const ada = await person();
  await ada.begin(script('put | a | b |\\n|---|---|\\n| 1 | 2 |\\n\\n```rust\\nfn main() {}\\n```\\n\\n[there](https://example.org/)\\n'));
  const reply = await ada.answered(1);
  const check = async () => {
    await expect(reply.getByRole('table')).toContainText('2');
    await expect(reply.locator('pre code')).toContainText('fn main() {}');
    const link = reply.getByRole('link', { name: 'there' });
    await expect(link).toHaveAttribute('rel', /noopener/);
    await expect(link).toHaveAttribute('target', '_blank');
  };
  await check();
  // While it streams each block has a wrapper of its own; what is in them must not differ.
  const blocks = () =>
    reply.locator('.prose-chat').evaluate((prose) => [...prose.children].flatMap((wrapper) => [...wrapper.children]).map((block) => block.outerHTML));
  const streamed = await blocks();
  await ada.reload();
  await check();
  expect(await blocks()).toEqual(streamed);
});
