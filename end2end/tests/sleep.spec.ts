// A socket that is open and silent: a laptop slept, or something on the way forgot the connection and told nobody. The
// tab finds out by itself, takes a fresh socket and catches up.
import { expect, test } from './support/test';
import type { Person } from './support/person';
import { script } from './support/person';

/** One tab's way to Parley, whose sockets can fall silent in both directions without being closed. */
class Way {
  /** How many sockets the tab has opened. */
  opened = 0;
  /** How many of the tab's pings were answered. */
  answered = 0;
  private silent = 0;

  /** Lies down below the page's next load; the person's other tabs have ways of their own. */
  static async to(person: Person): Promise<Way> {
    const way = new Way();
    await person.page.routeWebSocket(/.*/, (socket) => {
      way.opened += 1;
      const number = way.opened;
      const server = socket.connectToServer();
      socket.onMessage((message) => {
        if (number > way.silent) server.send(message);
      });
      server.onMessage((message) => {
        if (number <= way.silent) return;
        socket.send(message);
        if (message.toString().includes('"pong":')) way.answered += 1;
      });
    });
    await person.open('/');
    return way;
  }

  /** From now on nothing passes through the sockets that are open. Later ones are as they should be. */
  hush(): void {
    this.silent = this.opened;
  }

  /** How many sockets the tab has opened since then. */
  get fresh(): number {
    return this.opened - this.silent;
  }
}

/** Somebody whose tab's clock is the test's, and who has had a reply. */
async function talking(person: () => Promise<Person>): Promise<{ ada: Person; way: Way }> {
  const ada = await person();
  await ada.page.clock.install();
  const way = await Way.to(ada);
  await ada.begin('say hello');
  await ada.answered(1);
  return { ada, way };
}

/** Another tab writes while this one hears nothing, has its whole reply and goes. */
async function missed(ada: Person, way: Way): Promise<void> {
  await ada.begin('say hello');
  await ada.answered(1);
  const other = await ada.anotherTab();
  await expect(other.replies).toHaveCount(1);
  way.hush();
  await other.say(script('repeat 40 missed'));
  await other.answered(2);
  await expect(other.messages()).toHaveCount(2);
  await other.page.close();
  await expect(ada.messages()).toHaveCount(1);
  await expect(ada.replies).toHaveCount(1);
}

/** The tab has what it missed, once and whole, and is heard again. */
async function caughtUp(ada: Person, way: Way): Promise<void> {
  const reply = await ada.answered(2);
  await expect(ada.messages()).toHaveCount(2);
  expect((await reply.innerText()).match(/\bmissed\b/g)).toHaveLength(40);
  expect(way.fresh).toBe(1);
  await ada.say('say awake');
  await expect(await ada.answered(3)).toContainText('awake');
  await expect(ada.messages()).toHaveCount(3);
}

/** Somebody turns to the tab. */
async function lookAt(ada: Person): Promise<void> {
  await ada.page.bringToFront();
  await ada.page.evaluate(() => document.dispatchEvent(new Event('visibilitychange', { bubbles: true })));
}

test('a tab whose socket is silent catches up when somebody looks at it', async ({ person, complaints }) => {
  complaints.expect(/WebSocket/);
  const ada = await person();
  const way = await Way.to(ada);
  await missed(ada, way);
  await lookAt(ada);
  await caughtUp(ada, way);
});

test('a tab whose timers slept too catches up at its next heartbeat', async ({ person, complaints }) => {
  complaints.expect(/WebSocket/);
  const ada = await person();
  await ada.page.clock.install();
  const way = await Way.to(ada);
  await missed(ada, way);
  await ada.page.clock.fastForward(60_000);
  await caughtUp(ada, way);
});

test('a tab whose socket answers keeps it when somebody looks at it', async ({ person }) => {
  const { ada, way } = await talking(person);
  const { opened } = way;
  await lookAt(ada);
  await ada.say('say still here');
  await ada.answered(2);
  // The time is up in which the socket had to answer.
  await ada.page.clock.fastForward(10_000);
  await ada.say('say and here');
  await expect(await ada.answered(3)).toContainText('and here');
  expect(way.opened).toBe(opened);
});

test('a tab whose timers come once a minute keeps a socket that answers', async ({ person }) => {
  // So Chromium does with a tab that nobody has seen for five minutes.
  const { ada, way } = await talking(person);
  const { opened } = way;
  for (let minute = 0; minute < 4; minute += 1) {
    const { answered } = way;
    await ada.page.clock.fastForward(60_000);
    await expect.poll(() => way.answered).toBeGreaterThan(answered);
  }
  await ada.say('say still here');
  await expect(await ada.answered(2)).toContainText('still here');
  expect(way.opened).toBe(opened);
});
