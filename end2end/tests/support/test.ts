// What every spec imports instead of Playwright's `test`: a server per worker, people with browsers of their own, and
// an eye on what the browser complains about.
import { type BrowserContext, type BrowserContextOptions, test as base } from '@playwright/test';
import { Complaints } from './complaints';
import { Person } from './person';
import { Parley, SCRIPTED } from './server';

type Worker = {
  /** Answers with the scripted model unless another is chosen. */
  scripted: Parley;
  /** As it comes: the offline assistant answers. */
  unscripted: Parley;
};
type Test = {
  complaints: Complaints;
  /** The worker's scripted server; a spec that kills one starts its own with `startServer`. */
  server: Parley;
  /** Starts a server of the test's own, removed afterwards. */
  startServer: (settings?: Record<string, string>, host?: string) => Promise<Parley>;
  /** Opens a browser for somebody and signs them up; at `server` unless told otherwise. */
  person: (options?: Who) => Promise<Person>;
  /** The same without an account. */
  visitor: (options?: Who) => Promise<Person>;
};

type Who = { name?: string; server?: Parley; browser?: BrowserContextOptions };

export const test = base.extend<Test, Worker>({
  scripted: [
    async ({}, use) => {
      const server = await Parley.start(SCRIPTED);
      await use(server);
      await server.remove();
    },
    { scope: 'worker' },
  ],

  unscripted: [
    async ({}, use) => {
      const server = await Parley.start({ PARLEY_SCRIPTED: 'false' });
      await use(server);
      await server.remove();
    },
    { scope: 'worker' },
  ],

  server: async ({ scripted }, use) => use(scripted),

  baseURL: async ({ server }, use) => use(server.url),

  complaints: [
    async ({ context }, use) => {
      const complaints = new Complaints();
      complaints.watch(context);
      await use(complaints);
      complaints.check();
    },
    { auto: true },
  ],

  startServer: async ({}, use, info) => {
    const servers: Parley[] = [];
    await use(async (settings, host) => {
      const server = await Parley.start({ ...SCRIPTED, ...settings }, host);
      servers.push(server);
      return server;
    });
    for (const server of servers) {
      if (info.status !== info.expectedStatus) await info.attach('server.log', { body: server.logged });
      await server.remove();
    }
  },

  // `startServer` is named so that servers outlive the browsers that talk to them.
  visitor: async ({ browser, complaints, contextOptions, server: shared, startServer: _ }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async ({ name, server = shared, browser: options } = {}) => {
      const context = await browser.newContext({ ...contextOptions, baseURL: server.url, ...options });
      contexts.push(context);
      complaints.watch(context);
      return new Person(name ?? freshName(), context, await context.newPage());
    });
    for (const context of contexts) await context.close();
  },

  person: async ({ visitor }, use) => {
    await use(async (options) => {
      const person = await visitor(options);
      await person.signUp();
      return person;
    });
  },
});

let counter = 0;

/** A name nobody has yet. */
export function freshName(): string {
  counter += 1;
  return `ada-${process.pid.toString(36)}-${Date.now().toString(36)}-${counter}`.slice(0, 32);
}

export { expect } from '@playwright/test';
