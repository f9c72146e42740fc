// Waking changes nothing, and what the server wrote of a page is what the page draws by itself, element by element. A
// release does not report differences, so they are looked for here.
import type { Page } from '@playwright/test';
import { awake } from './support/awake';
import { connect } from './support/connections';
import { type Person, script } from './support/person';
import { expect, test } from './support/test';

/**
 * A page as lines, an element or a text each; without what is folded up, if it is told so. Left out is what is meant to
 * change: comments, scripts, white space; points in time, which become the reader's own; and attributes, many of which
 * say what one can do with an awake page.
 */
function outline(page: Page, root = 'body', folded = true): Promise<string[]> {
  return page.evaluate(([root, folded]) => {
    const lines: string[] = [];
    const text = (words: string, depth: string) => {
      const said = words.replace(/\s+/g, ' ').trim();
      if (said) lines.push(`${depth}«${said}»`);
    };
    const walk = (element: Element, depth: string) => {
      if (['SCRIPT', 'NOSCRIPT'].includes(element.tagName)) return;
      const told = ['id', 'role', 'aria-label', 'href', 'name', 'type', 'datetime'].filter((name) => element.hasAttribute(name));
      lines.push(`${depth}${element.tagName.toLowerCase()} ${told.map((name) => `${name}=${element.getAttribute(name)}`).join(' ')}`.trimEnd());
      if (element.tagName === 'TIME') return;
      // Neighbouring texts are one: where one ends and the next begins is nobody's concern.
      let words = '';
      for (const child of element.childNodes) {
        if (child instanceof Text) words += child.data;
        else if (child instanceof Element) {
          if (element.tagName === 'DETAILS' && child.tagName !== 'SUMMARY' && !folded) continue;
          text(words, `${depth}  `);
          words = '';
          walk(child, `${depth}  `);
        }
      }
      text(words, `${depth}  `);
    };
    walk(document.querySelector(root)!, '');
    return [document.title, ...lines];
  }, [root, folded] as const);
}

/** Opens a page whose code is held back; what it is then, and what it is once it is awake and has had time to draw. */
async function beforeAndAfter(page: Page, path: string): Promise<[string[], string[]]> {
  let wake = () => {};
  const morning = new Promise<void>((resolve) => (wake = resolve));
  await page.route('**/*.wasm', async (route) => {
    await morning;
    await route.continue();
  });
  await page.goto(path, { waitUntil: 'domcontentloaded' });
  await expect(page.locator('html')).not.toHaveAttribute('data-awake');
  const before = await outline(page);
  wake();
  await awake(page);
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  const after = await outline(page);
  await page.unroute('**/*.wasm');
  return [before, after];
}

async function same(page: Page, path: string, ...holds: string[]): Promise<void> {
  const [before, after] = await beforeAndAfter(page, path);
  // There was something to compare.
  for (const words of holds) expect(before.join('\n'), path).toContain(words);
  expect(after, path).toEqual(before);
}

/** A conversation of everything that a message can hold. */
async function conversation(person: Person): Promise<string> {
  await person.begin(script(
    'think about it',
    'put # A heading\\n\\nSome *words*, `code` and [a link](https://example.org).\\n\\n| a | b |\\n|---|---|\\n| 1 | 2 |\\n\\n- one\\n- two\\n\\n```rust\\nfn main() {}\\n```\\n\\n> quoted\\n',
    'tool sum {"numbers": [2, 40]}',
    'echo',
  ));
  await person.answered(1);
  await person.say('say ends <here> & now');
  await person.answered(2);
  // One that failed, with versions, and one that was stopped.
  await person.say(script('say half of it', 'fail overloaded'));
  const failed = await person.answered(3);
  await failed.getByRole('button', { name: 'Try again' }).click();
  await expect(person.replies.last().getByRole('group', { name: 'Versions' })).toContainText('2/2');
  await person.answered(3);
  await person.say(script('say so far', 'hang'));
  await expect(person.replies.last()).toContainText('so far');
  await person.composer.press('Escape');
  await expect(person.replies.last()).toContainText('Stopped');
  return new URL(person.page.url()).pathname;
}

test('the pages for visitors', async ({ visitor, complaints }) => {
  complaints.expect(/status 404/, /status of 404/);
  const { page } = await visitor();
  await same(page, '/sign-in', 'Welcome back');
  await same(page, '/sign-up', 'Make the account');
  await same(page, '/nowhere', '«');
});

test('the page for a new conversation, with none and with one before', async ({ person }) => {
  const ada = await person();
  await same(ada.page, '/', 'No conversations yet', `Hello, ${ada.name}.`);
  await ada.begin('say hello');
  await ada.answered(1);
  await expect(ada.page.locator('[aria-current=page]')).toHaveText('say hello');
  await same(ada.page, '/', 'Today', 'say hello');
});

test('a conversation, with Markdown, a tool, a failure and versions', async ({ person }) => {
  const ada = await person();
  const path = await conversation(ada);
  await same(ada.page, path, 'A heading', 'Thinking', 'Arguments', 'ends <here> & now', 'overloaded', '2/2', 'Stopped');
});

test('a room of two, and an invitation', async ({ person }) => {
  const ada = await person();
  const bob = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  const link = await ada.invitation();
  await same(bob.page, link, 'asks you to join');
  await bob.page.getByRole('button', { name: 'Join the conversation' }).click();
  await expect(bob.page).toHaveURL(/\/c\//);
  await bob.say('say hello from bob');
  await bob.answered(2);
  const path = new URL(bob.page.url()).pathname;
  await bob.page.goto('about:blank');
  // Nobody comes or goes while the page wakes.
  await expect(ada.page.getByRole('button', { name: '2 people, 1 here now' })).toBeVisible();
  await same(ada.page, path, `${bob.name} wrote`, 'shared by');
});

test('the pages of the settings, with something on each', async ({ person, startServer }) => {
  // The first account is the administrator's, who sees the most; and a server that is connected never answers.
  const server = await startServer({ PARLEY_MCP_PRIVATE: 'allow' });
  const ada = await person({ server });
  await ada.begin(script('tool sum {"numbers": [2, 40]}', 'echo'));
  await ada.answered(1);
  await connect(ada, 'Weather', 'http://127.0.0.1:9/mcp');

  await ada.open('/settings/prompts');
  await ada.page.getByLabel('Name of a new prompt').fill('explain');
  await ada.page.getByLabel('Text', { exact: true }).fill('Explain {{topic}}, please.');
  await ada.page.getByLabel('What is filled in').fill('topic: What it is about');
  await ada.page.getByRole('button', { name: 'Save the prompt' }).click();
  await expect(ada.page.getByText('The prompt is saved.')).toBeVisible();

  await ada.open('/settings/programs');
  await ada.page.getByLabel('Name of a new token').fill('a program');
  await ada.page.getByRole('button', { name: 'Make the token' }).click();
  await expect(ada.page.getByRole('status').locator('pre')).toHaveText(/^parley_/);

  await ada.open('/settings/tools');
  await ada.page.getByLabel('Tool or server').selectOption({ value: 'tool:rename_conversation' });
  await ada.page.getByLabel('Rule', { exact: true }).selectOption('deny');
  await ada.page.getByRole('button', { name: 'Set the rule' }).click();
  await expect(ada.page.getByText('is denied to everybody')).toBeVisible();

  for (const [path, ...holds] of [
    ['', 'This one', 'New password'],
    ['/prompts', 'explain'],
    ['/tools', 'is denied to everybody'],
    ['/calls', 'sum'],
    ['/programs', 'a program'],
    ['/connections', 'Weather'],
    ['/usage', 'Model and usage'],
  ]) {
    await same(ada.page, `/settings${path}`, ...holds);
  }
});

test('a conversation drawn by the page is the one that the server writes', async ({ person }) => {
  const ada = await person();
  const { page } = ada;
  const path = await conversation(ada);
  const title = await page.locator('[aria-current=page]').innerText();
  const list = page.getByRole('navigation', { name: 'Conversations' });
  const main = () => outline(page, 'main', false);
  await ada.open('/');
  const home = await main();
  await ada.open(path);
  // What is folded up in a call is made when it is opened, unless the server wrote it.
  const conversed = await main();
  expect(conversed.join('\n')).toContain('ends <here> & now');

  await page.evaluate(() => Object.assign(window, { stayed: true }));
  await list.getByRole('link', { name: 'New chat' }).click();
  await expect.poll(main).toEqual(home);
  await list.getByRole('link', { name: title }).click();
  await expect.poll(main).toEqual(conversed);
  expect(await page.evaluate(() => 'stayed' in window)).toBe(true);
});

test('pages of the settings drawn by the page are those that the server writes', async ({ person }) => {
  const ada = await person();
  const { page } = ada;
  await ada.begin(script('tool sum {"numbers": [2, 40]}', 'echo'));
  await ada.answered(1);
  const pages = [['Account', ''], ['Prompts', '/prompts'], ['Tools', '/tools'], ['Tool calls', '/calls'], ['Programs', '/programs'], ['Connections', '/connections'], ['Model and usage', '/usage']] as const;
  const written = new Map<string, string[]>();
  for (const [title, path] of pages) {
    await ada.open(`/settings${path}`);
    written.set(title, await outline(page));
  }
  await page.evaluate(() => Object.assign(window, { stayed: true }));
  for (const [title] of pages) {
    await page.getByRole('navigation', { name: 'Settings' }).getByRole('link', { name: title, exact: true }).click();
    await expect(page).toHaveTitle(`${title} · Settings · Parley`);
    await expect.poll(() => outline(page), title).toEqual(written.get(title));
  }
  expect(await page.evaluate(() => 'stayed' in window)).toBe(true);
});
