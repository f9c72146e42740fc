// What is copied is what stands there: a message as it was written, a block of code, what a tool was asked and said.
import { expect, test } from './support/test';
import { type Person, script } from './support/person';

const CLIPBOARD = { permissions: ['clipboard-read', 'clipboard-write'] };

function copied(person: Person): Promise<string> {
  return person.page.evaluate(() => navigator.clipboard.readText());
}

test('a message is copied as it was written', async ({ person }) => {
  const ada = await person({ browser: CLIPBOARD });
  const text = script('put **bold** and `code`\\n\\n', 'put - a point\\n');
  await ada.begin(text);
  const reply = await ada.answered(1);
  await reply.hover();
  const button = reply.getByRole('button', { name: 'Copy message' });
  await button.click();
  await expect(reply.getByRole('button', { name: 'Copied' })).toBeVisible();
  expect((await copied(ada)).trimEnd()).toBe('**bold** and `code`\n\n- a point');
  // The button offers itself again.
  await expect(button).toBeVisible();

  const message = ada.messages().first();
  await message.hover();
  await message.getByRole('button', { name: 'Copy message' }).click();
  await expect(message.getByRole('button', { name: 'Copied' })).toBeVisible();
  expect(await copied(ada)).toBe(text);
});

test('a block of code is copied without its colours, streamed or loaded', async ({ person }) => {
  const ada = await person({ browser: CLIPBOARD });
  const lines = ['fn main() {', '    println!("<b>&amp;</b>");', '}'];
  await ada.begin(script('put first:\\n\\n```sh\\nls\\n```\\n\\nthen:\\n\\n', `put \`\`\`rust\\n${lines.join('\\n')}\\n\`\`\`\\n`));
  await ada.answered(1);
  const copy = async () => {
    const block = ada.replies.last().locator('.code').filter({ hasText: 'println' });
    await block.getByRole('button', { name: 'Copy', exact: true }).click();
    await expect(block.getByRole('button', { name: 'Copied' })).toBeVisible();
    expect((await copied(ada)).trimEnd()).toBe(lines.join('\n'));
    await expect(block.getByRole('button', { name: 'Copy', exact: true })).toBeVisible();
  };
  await copy();
  await ada.page.evaluate(() => navigator.clipboard.writeText(''));
  await ada.reload();
  await copy();
});

test("a call's arguments and its result are copied", async ({ person }) => {
  const ada = await person({ browser: CLIPBOARD });
  await ada.begin(script('tool sum {"numbers": [2, 40]}', 'echo'));
  const reply = await ada.answered(1);
  await reply.locator('summary').first().click();
  await reply.getByRole('button', { name: 'Copy arguments' }).click();
  await expect(reply.getByRole('button', { name: 'Copied' })).toHaveCount(1);
  expect(JSON.parse(await copied(ada))).toEqual({ numbers: [2, 40] });
  await reply.getByRole('button', { name: 'Copy result' }).click();
  await expect(reply.getByRole('button', { name: 'Copied' })).toHaveCount(2);
  expect(await copied(ada)).toBe('2 + 40 = 42');
});

test('where the browser has no clipboard it is said, and nothing claims to be copied', async ({ person }) => {
  const ada = await person();
  // As on a page that came over plain HTTP from another machine.
  await ada.context.addInitScript(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
  await ada.reload();
  await ada.begin(script('put ```sh\\nls\\n```\\n'));
  const reply = await ada.answered(1);
  const refused = ada.page.getByText('The browser did not allow copying. Select the text and copy it by hand.');
  await reply.getByRole('button', { name: 'Copy', exact: true }).click();
  await expect(refused).toHaveCount(1);
  await reply.hover();
  await reply.getByRole('button', { name: 'Copy message' }).click();
  await expect(refused).toHaveCount(2);
  await expect(reply.getByRole('button', { name: 'Copied' })).toHaveCount(0);
});
