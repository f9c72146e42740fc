// What a browser complains about while a test runs: console errors and warnings (hydration mismatches are among them),
// uncaught exceptions, requests that fail or are answered with an error. A test that did not expect one fails.
import { type BrowserContext, expect } from '@playwright/test';

export class Complaints {
  private readonly all: string[] = [];
  private readonly expected: RegExp[] = [];

  /** Listens to every page of the context, present and future. */
  watch(context: BrowserContext): void {
    context.on('console', (message) => {
      // How long a page took to use what it fetched early says something of the machine, and nothing of a page without script.
      if (/was preloaded using link preload but not used within a few seconds/.test(message.text())) return;
      if (['error', 'warning'].includes(message.type())) this.note(`console ${message.type()}: ${message.text()} at ${message.location().url}`);
    });
    context.on('weberror', (error) => this.note(`uncaught: ${error.error().stack ?? error.error().message}`));
    context.on('requestfailed', (request) => {
      const reason = request.failure()?.errorText ?? '';
      // A page that is left gives up what it was still fetching.
      if (reason !== 'net::ERR_ABORTED') this.note(`failed: ${request.method()} ${request.url()}: ${reason}`);
    });
    context.on('response', (response) => {
      if (response.status() >= 400) this.note(`status ${response.status()}: ${response.request().method()} ${response.url()}`);
    });
  }

  /** From now on and before: complaints like this one belong to the test. */
  expect(...patterns: RegExp[]): void {
    this.expected.push(...patterns);
  }

  /** Fails the test if there was any other. */
  check(): void {
    const unexpected = this.all.filter((line) => !this.expected.some((pattern) => pattern.test(line)));
    expect(unexpected, 'complaints of the browser').toEqual([]);
  }

  private note(line: string): void {
    this.all.push(line);
  }
}
