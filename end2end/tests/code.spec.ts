// A block of code while it is written: what one does in it the next line does not undo, and at its end it is what the
// server would have written.
import type { Locator } from '@playwright/test';
import { Spoken } from './support/model';
import { type Person, script } from './support/person';
import { expect, test as base } from './support/test';

const LINES = Array.from({ length: 100 }, (_, index) => `let line_${index + 1} = "${'wide '.repeat(40)}"; // <b>`);

/** Whoever is answered by a model that the test speaks for. */
const test = base.extend<{ ada: Person; model: Spoken }>({
  model: async ({}, use) => {
    const model = await Spoken.start();
    await use(model);
    model.stop();
  },
  ada: async ({ model, startServer, person }, use) => {
    await use(await person({ server: await startServer(model.settings) }));
  },
});

/** Begins a long block of code; returns it once its fifth line is there. */
async function begun(ada: Person, model: Spoken): Promise<Locator> {
  await ada.begin('Show me a program');
  await model.say('Look:\n\n```rust\n');
  const block = ada.replies.last().locator('.code');
  await lines(ada, model, block, 0, 5);
  return block;
}

/** Some lines of it, each in two pieces that the page has a frame to draw; until they are all there. */
async function lines(ada: Person, model: Spoken, block: Locator, from: number, to: number): Promise<void> {
  for (const line of LINES.slice(from, to)) {
    for (const piece of [line.slice(0, 17), `${line.slice(17)}\n`]) {
      await model.say(piece);
      await ada.page.evaluate(() => new Promise(requestAnimationFrame));
    }
  }
  await expect(block).toContainText(LINES[to - 1]);
}

function html(block: Locator): Promise<string> {
  return block.evaluate((code) => code.outerHTML);
}

type Held = { nodes: Node[]; pre: Element };

/** Selects from the second line's name to the third's, scrolls to the side and has the keys move what is scrolled; keeps
 * the nodes. */
async function hold(block: Locator): Promise<void> {
  await block.evaluate((code) => {
    const pre = code.querySelector('pre')!;
    const find = (words: string): [Text, number] => {
      const texts = document.createTreeWalker(pre, NodeFilter.SHOW_TEXT);
      for (let text = texts.nextNode() as Text | null; text; text = texts.nextNode() as Text | null) {
        const at = text.data.indexOf(words);
        if (at >= 0) return [text, at];
      }
      throw new Error(`${words} is not there`);
    };
    const [first, from, to] = [find('line_1'), find('line_2'), find('line_3')];
    pre.focus({ preventScroll: true });
    getSelection()!.setBaseAndExtent(...from, to[0], to[1] + 'line_3'.length);
    pre.scrollLeft = 200;
    const nodes = [code, code.querySelector('button')!, pre, pre.firstElementChild!, pre.firstElementChild!.firstElementChild!, first[0]];
    Object.assign(window, { held: { nodes, pre } satisfies Held });
  });
}

/** What is left of that. */
function held(block: Locator): Promise<object> {
  return block.evaluate((code) => {
    const { nodes, pre } = (window as unknown as { held: Held }).held;
    return {
      selected: getSelection()!.toString(),
      scrolled: pre.scrollLeft,
      focused: document.activeElement === pre,
      same: code === nodes[0] && nodes.every((node) => code.contains(node)),
    };
  });
}

test('what is selected, scrolled and focused in it stays while more lines come, and after its end', async ({ ada, model }) => {
  const block = await begun(ada, model);
  await hold(block);
  const all = { selected: `${LINES[1].slice(4)}\nlet line_3`, scrolled: 200, focused: true, same: true };
  expect(await held(block)).toEqual(all);
  for (const [from, to] of [[5, 20], [20, 60], [60, 100]]) {
    await lines(ada, model, block, from, to);
    expect(await held(block)).toEqual(all);
  }

  await model.end('```\n\nThat was [all].\n');
  await expect(await ada.answered(1)).toContainText('That was [all].');
  expect(await held(block)).toEqual(all);
  expect(await block.locator('pre').evaluate((pre) => pre.textContent)).toBe(`${LINES.join('\n')}\n`);
  const written = await html(block);
  await ada.reload();
  expect(await html(block)).toBe(written);
});

test('a tab that comes in the middle of it has the same in the end', async ({ ada, model }) => {
  const block = await begun(ada, model);
  const other = await ada.anotherTab();
  await expect(other.replies.last().locator('.code')).toContainText(LINES[4]);
  await lines(ada, model, block, 5, 20);
  await model.end(`${LINES.slice(20).join('\n')}\n\`\`\`\n`);
  await other.answered(1);
  await ada.answered(1);
  const late = other.replies.last().locator('.code');
  expect(await html(late)).toBe(await html(block));
  await other.reload();
  expect(await html(late)).toBe(await html(block));
});

test('a link whose address comes last is one as soon as the reply is whole', async ({ person }) => {
  const ada = await person();
  await ada.begin(script('put See [this].\\n\\n```\\ncode\\n```\\n\\n', 'wait 200', 'put [this]: https://example.org/\\n'));
  const reply = await ada.answered(1);
  await expect(reply.getByRole('link', { name: 'this' })).toHaveAttribute('href', 'https://example.org/');
  await expect(reply.locator('.code')).toHaveCount(1);
});
