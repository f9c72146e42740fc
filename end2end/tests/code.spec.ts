// A block of code while it is written: what one does in it the next line does not undo, and at its end it is what the
// server would have written.
import type { Locator } from '@playwright/test';
import { type Person, script } from './support/person';
import { expect, test } from './support/test';

const LINES = Array.from({ length: 100 }, (_, index) => `let line_${index + 1} = "${'wide '.repeat(40)}"; // <b>`);

/** Begins a long block of code, a line every 60 ms; returns it once its fifth line is there. */
async function begun(person: Person): Promise<Locator> {
  await person.begin(script(
    'put Look:\\n\\n```rust\\n',
    ...LINES.flatMap((line) => [`put ${line}\\n`, 'wait 60']),
    'put ```\\n\\nThat was all.\\n',
  ));
  const block = person.replies.last().locator('.code');
  await expect(block).toContainText('line_5 ');
  return block;
}

function html(block: Locator): Promise<string> {
  return block.evaluate((code) => code.outerHTML);
}

type Held = { code: Element; pre: Element; button: Element };

/** Selects the name in the third line, scrolls to the side and has the keys move what is scrolled; keeps the elements. */
async function hold(block: Locator): Promise<void> {
  await block.evaluate((code) => {
    const pre = code.querySelector('pre')!;
    const texts = document.createTreeWalker(pre, NodeFilter.SHOW_TEXT);
    let text = texts.nextNode() as Text;
    while (!text.data.includes('line_3')) text = texts.nextNode() as Text;
    const at = text.data.indexOf('line_3');
    pre.focus({ preventScroll: true });
    getSelection()!.setBaseAndExtent(text, at, text, at + 'line_3'.length);
    pre.scrollLeft = 200;
    Object.assign(window, { held: { code, pre, button: code.querySelector('button')! } satisfies Held });
  });
}

/** What is left of that. */
function held(block: Locator): Promise<object> {
  return block.evaluate((code) => {
    const { held } = window as unknown as { held: Held };
    return {
      selected: getSelection()!.toString(),
      scrolled: held.pre.scrollLeft,
      focused: document.activeElement === held.pre,
      same: code === held.code && code.querySelector('pre') === held.pre && code.querySelector('button') === held.button,
    };
  });
}

test('what is selected, scrolled and focused in it stays while more lines come, and after its end', async ({ person }) => {
  const ada = await person();
  const block = await begun(ada);
  await hold(block);
  const all = { selected: 'line_3', scrolled: 200, focused: true, same: true };
  expect(await held(block)).toEqual(all);
  expect(await block.innerText()).not.toContain('line_90 ');
  await expect(block).toContainText('line_90 ');
  expect(await held(block)).toEqual(all);

  await expect(await ada.answered(1)).toContainText('That was all.');
  expect(await held(block)).toEqual(all);
  expect(await block.locator('pre').evaluate((pre) => pre.textContent)).toBe(`${LINES.join('\n')}\n`);
  const written = await html(block);
  await ada.reload();
  expect(await html(block)).toBe(written);
});

test('a tab that comes in the middle of it has the same in the end', async ({ person }) => {
  const ada = await person();
  const block = await begun(ada);
  const other = await ada.anotherTab();
  await other.answered(1);
  await ada.answered(1);
  const late = other.replies.last().locator('.code');
  expect(await html(late)).toBe(await html(block));
  await other.reload();
  expect(await html(late)).toBe(await html(block));
});
