// Where the transcript stands: at its end while one reads there, else where one left it; older messages come on top.
import { type Locator, expect, test as base } from '@playwright/test';
import { type Person, script } from './support/person';
import { test } from './support/test';

/** Pixels between what is shown and the end. */
function below(person: Person): Promise<number> {
  return person.transcript.evaluate((log) => Math.round(log.scrollHeight - log.clientHeight - log.scrollTop));
}

async function atEnd(person: Person): Promise<void> {
  await expect.poll(() => below(person)).toBeLessThanOrEqual(1);
}

/** Turns the wheel over the transcript, as a reader does. */
async function wheel(person: Person, pixels: number): Promise<void> {
  await person.transcript.hover();
  await person.page.mouse.wheel(0, pixels);
}

/** Lines of a script that write so many paragraphs, with that many milliseconds between them. */
function paragraphs(count: number, pause = 0): string[] {
  return Array.from({ length: count }, (_, index) => index + 1).flatMap((n) => [
    `put Paragraph ${n} of what is a long reply.\\n\\n`,
    ...(pause > 0 ? [`wait ${pause}`] : []),
  ]);
}

/** Where something is in the window, from its top. */
async function top(what: Locator): Promise<number> {
  return what.evaluate((element) => Math.round(element.getBoundingClientRect().top));
}

/** A conversation of two replies, the second of them longer than the window. */
async function long(person: Person): Promise<Locator> {
  await person.begin('say hello');
  await person.answered(1);
  await person.say(script(...paragraphs(60)));
  const reply = await person.answered(2);
  await atEnd(person);
  return reply;
}

/** Scrolls up until the end is out of sight. */
async function leave(person: Person): Promise<Locator> {
  await wheel(person, -900);
  const back = person.page.getByRole('button', { name: 'To the newest message' });
  await expect(back).toBeVisible();
  return back;
}

test('a growing reply is followed until one scrolls up, however little, and again when one comes back', async ({ person }) => {
  const ada = await person();
  await ada.begin('say hello');
  await ada.answered(1);
  await ada.say(script(...paragraphs(60, 60)));
  const reply = ada.replies.last();
  await expect(reply).toContainText('Paragraph 20 ');
  await atEnd(ada);
  await wheel(ada, -60);
  const back = ada.page.getByRole('button', { name: 'To the newest message' });
  await expect(back).toBeVisible();
  await expect(reply).toContainText('Paragraph 40 ');
  await expect(back).toBeVisible();
  await wheel(ada, 20_000);
  await expect(back).toHaveCount(0);
  await ada.answered(2);
  await atEnd(ada);
  await expect(reply.getByText('Paragraph 60 ')).toBeInViewport();
});

test('the reply to a long first message is followed as well', async ({ person }) => {
  const ada = await person();
  await ada.begin(script(...paragraphs(60)));
  const reply = await ada.answered(1);
  await atEnd(ada);
  await expect(ada.page.getByRole('button', { name: /new message|newest message/ })).toHaveCount(0);
  await expect(reply.getByText('Paragraph 60 ')).toBeInViewport();
});

test('who scrolled up stays there while a reply is written, and a button leads back to it', async ({ person }) => {
  const ada = await person();
  const read = (await long(ada)).getByText('Paragraph 50 ');
  await ada.say(script(...paragraphs(120, 60)));
  const reply = ada.replies.last();
  await expect(ada.replies).toHaveCount(3);
  await expect(reply).toContainText('Paragraph 5 ');
  await expect(ada.page.getByRole('button', { name: 'To the newest message' })).toHaveCount(0);
  const toEnd = await leave(ada);
  // Wait until the wheel has come to rest.
  let before = await top(read);
  await expect(async () => {
    const now = await top(read);
    const rests = now === before;
    before = now;
    expect(rests).toBe(true);
  }).toPass({ intervals: [200] });
  const grown = await below(ada);
  await expect(async () => expect(await below(ada)).toBeGreaterThan(grown)).toPass();
  expect(await top(read)).toBe(before);
  await expect(toEnd).toBeVisible();

  await toEnd.click();
  await expect(toEnd).toHaveCount(0);
  await atEnd(ada);
  await ada.answered(3);
  await expect(reply.getByText('Paragraph 120 ')).toBeInViewport();
  await atEnd(ada);
});

test('who reads at the end stays there when less of it fits', async ({ person }) => {
  const ada = await person();
  await long(ada);
  const { width, height } = ada.page.viewportSize()!;
  await ada.page.setViewportSize({ width, height: height - 300 });
  await atEnd(ada);
  await ada.page.setViewportSize({ width, height });
  await atEnd(ada);
});

test('a question at the end is seen to its answers', async ({ person }) => {
  const ada = await person();
  await long(ada);
  await ada.say(script('tool rename_conversation {"title": "Engines"}', 'say finished'));
  await expect(ada.page.getByRole('button', { name: 'Allow once' })).toBeInViewport({ ratio: 1 });
  await expect(ada.page.getByText('More choices')).toBeInViewport({ ratio: 1 });
  await atEnd(ada);
});

test('one turn of the wheel is enough to leave the end, however fast a reply grows', async ({ person }) => {
  const ada = await person();
  await long(ada);
  await ada.say(script('say begun', ...Array.from({ length: 300 }, (_, n) => [`put word${n + 1} `, 'wait 20']).flat()));
  const reply = ada.replies.last();
  await expect(ada.replies).toHaveCount(3);
  for (const [word, later] of [[20, 40], [60, 80], [100, 120], [140, 160], [180, 200]]) {
    await expect(reply).toContainText(`word${word} `);
    await wheel(ada, -900);
    await expect(reply).toContainText(`word${later} `);
    expect(await below(ada)).toBeGreaterThan(100);
    await ada.page.getByRole('button', { name: 'To the newest message' }).click();
    await atEnd(ada);
  }
});

test('what arrives out of sight is counted, and one goes to it by key', async ({ person }) => {
  const ada = await person();
  await long(ada);
  const other = await ada.anotherTab();
  await leave(ada);
  // Each time the message, and the reply to it.
  await other.say('say one more');
  await other.answered(3);
  await expect(ada.page.getByRole('button', { name: '2 new messages' })).toHaveText('2 new messages');
  await other.say('say and another');
  await other.answered(4);
  const button = ada.page.getByRole('button', { name: '4 new messages' });
  await expect(button).toBeVisible();
  await button.press('Enter');
  await expect(ada.page.getByRole('button', { name: /new message|newest message/ })).toHaveCount(0);
  await atEnd(ada);
  await expect(ada.replies).toHaveCount(4);
  await expect(ada.replies.last()).toBeInViewport();
});

test('what one says oneself leads to the end', async ({ person }) => {
  const ada = await person();
  await long(ada);
  await leave(ada);
  await ada.say('say here I am');
  await ada.answered(3);
  await atEnd(ada);
  await expect(ada.replies.last()).toBeInViewport();
});

test('older messages come when one reaches the top, and what one reads stays in its place', async ({ person, complaints }) => {
  base.slow();
  complaints.expect(/ERR_INTERNET_DISCONNECTED/);
  const ada = await person();
  await ada.begin('say the first of all: archaeopteryx');
  await ada.answered(1);
  // A page of history has fifty messages.
  for (let n = 2; n <= 30; n += 1) {
    await ada.say(`say number ${n}`);
    await ada.answered(n);
  }
  const path = new URL(ada.page.url()).pathname;
  await ada.reload();
  await expect(ada.replies).toHaveCount(25);
  await expect(ada.messages()).toHaveCount(25);
  await atEnd(ada);

  const oldest = ada.messages().filter({ hasText: 'say number 6' });
  await expect(oldest).toHaveCount(1);
  const older = '**/api/older_messages*';
  await ada.page.route(older, (route) => route.abort('internetdisconnected'));
  await ada.transcript.evaluate((log) => (log.scrollTop = 0));
  const again = ada.page.getByRole('button', { name: 'Older messages did not come. Try again' });
  await expect(again).toBeVisible();
  await ada.page.unroute(older);

  // What is asked for is held, so that it is seen to be under way.
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await ada.page.route(older, async (route) => {
    await held;
    await route.continue();
  });
  const before = await top(oldest);
  await again.click();
  await expect(ada.page.getByText('Loading older messages…')).toBeVisible();
  release();
  await expect(ada.replies).toHaveCount(30);
  await expect(ada.messages()).toHaveCount(30);
  // But for fractions of a pixel.
  await expect.poll(async () => Math.abs((await top(oldest)) - before)).toBeLessThanOrEqual(1);
  await expect(ada.page.getByRole('button', { name: 'Show older messages' })).toHaveCount(0);
  await expect(ada.transcript.getByRole('separator')).toHaveCount(1);
  await ada.transcript.evaluate((log) => (log.scrollTop = 0));
  await expect(ada.messages().first()).toContainText('archaeopteryx');
  await expect(ada.messages().first()).toBeInViewport();

  // A search leads to a message of a page that is not loaded.
  await ada.open('/');
  await ada.page.getByRole('searchbox', { name: 'Search your messages' }).fill('archaeopteryx');
  const hits = ada.page.getByRole('navigation', { name: 'Conversations' }).getByRole('listitem').filter({ hasText: 'archaeopteryx' });
  await hits.first().getByRole('link').click();
  await expect(ada.page).toHaveURL(new RegExp(`${path}#m-`));
  const found = ada.transcript.locator('article[data-found]');
  await expect(found).toContainText('archaeopteryx');
  await expect(found).toBeInViewport();
});

test('messages stand under the day of the reader', async ({ person }) => {
  // Between these two there is midnight at every hour.
  const days = new Set<string>();
  for (const timezoneId of ['Pacific/Kiritimati', 'Pacific/Niue']) {
    const ada = await person({ browser: { timezoneId } });
    await ada.begin('say hello');
    await ada.answered(1);
    const day = await ada.page.evaluate(() => new Date().toLocaleDateString('default', { dateStyle: 'full' }));
    await expect(ada.transcript.getByRole('separator')).toHaveText([day]);
    await ada.reload();
    await expect(ada.transcript.getByRole('separator')).toHaveText([day]);
    days.add(day);
  }
  expect(days.size).toBe(2);
});
