// The release binary as a test holds it: started on a free port with data of its own, killed and started again on the
// same data and port.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const DIST = resolve(process.env.PARLEY_DIST ?? join(import.meta.dirname, '../../../target/parley'));

/** What every server here is told: the scripted model, no limits, an offline assistant that does not dawdle. */
const SETTINGS = {
  PARLEY_SCRIPTED: 'true',
  PARLEY_OFFLINE_DELAY_MS: '5',
  PARLEY_RATE_SIGN_IN_ACCOUNT: 'off',
  PARLEY_RATE_SIGN_IN_ADDRESS: 'off',
  PARLEY_RATE_SIGN_UP: 'off',
  PARLEY_RATE_SEND: 'off',
  PARLEY_RATE_CREATE: 'off',
  PARLEY_RATE_SEARCH: 'off',
  PARLEY_RATE_REGISTER: 'off',
  PARLEY_RATE_CLIENT_DOCUMENT: 'off',
  PARLEY_RATE_FRAMES: 'off',
  PARLEY_RATE_REQUEST: 'off',
  PARLEY_SHUTDOWN_GRACE: '3',
};

/** The scripted model answers unless another is chosen. */
export const SCRIPTED = { PARLEY_DEFAULT_MODEL: 'scripted/script' };

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}

export class Parley {
  private child: ChildProcess | undefined;
  private log = '';

  private constructor(
    readonly port: number,
    private readonly data: string,
    private readonly settings: Record<string, string>,
    private readonly host: string,
  ) {}

  get url(): string {
    return `http://${this.host}:${this.port}`;
  }

  /**
   * Starts a server; `settings` are environment variables on top of those above. Servers of one `host` have their cookies
   * in common, whatever their ports.
   */
  static async start(settings: Record<string, string> = {}, host = '127.0.0.1'): Promise<Parley> {
    if (!existsSync(join(DIST, 'parley'))) throw new Error(`${DIST}/parley is missing: run \`make build\` first`);
    const server = new Parley(await freePort(), await mkdtemp(join(tmpdir(), 'parley-end2end-')), settings, host);
    await server.up();
    return server;
  }

  /** Starts it, again or for the first time, with `changed` settings if there are any, and waits until it answers. */
  async up(changed: Record<string, string> = {}): Promise<void> {
    // Nothing of the developer's own settings reaches it.
    const inherited = Object.entries(process.env).filter(([name]) => !/^(PARLEY|LEPTOS)_/.test(name));
    const child = spawn(join(DIST, 'parley'), ['serve'], {
      cwd: this.data,
      env: {
        ...Object.fromEntries(inherited),
        ...SETTINGS,
        ...this.settings,
        ...changed,
        PARLEY_BIND: `127.0.0.1:${this.port}`,
        PARLEY_PUBLIC_URL: this.url,
        PARLEY_DATA_DIR: this.data,
        PARLEY_SITE_ROOT: join(DIST, 'site'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (this.log += text));
    const deadline = Date.now() + 30_000;
    for (;;) {
      if (child.exitCode !== null) throw new Error(`parley ended with ${child.exitCode}:\n${this.log}`);
      if (await fetch(`${this.url}/sign-in`).then((answer) => answer.ok, () => false)) return;
      if (Date.now() > deadline) throw new Error(`parley does not answer:\n${this.log}`);
      await new Promise((wake) => setTimeout(wake, 50));
    }
  }

  /** kill -9: no farewell, nothing flushed. */
  async kill(): Promise<void> {
    await this.signal('SIGKILL');
  }

  /** SIGTERM: drains and ends; its exit code. */
  async drain(): Promise<number | null> {
    return this.signal('SIGTERM');
  }

  /** Ends it for good. */
  async remove(): Promise<void> {
    await this.kill();
    await rm(this.data, { recursive: true, force: true });
  }

  /** What it has logged so far. */
  get logged(): string {
    return this.log;
  }

  private async signal(name: NodeJS.Signals): Promise<number | null> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const ended = once(child, 'exit');
    child.kill(name);
    await ended;
    return child.exitCode;
  }
}
