// A program of somebody's that signs in to Parley: the MCP SDK's own OAuth client, which waits for its answer on this
// machine as programs on a desk do. It keeps what it is given in memory.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  Client,
  type OAuthClientInformationMixed,
  type OAuthClientMetadata,
  type OAuthClientProvider,
  type OAuthDiscoveryState,
  type OAuthTokens,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from '@modelcontextprotocol/client';

export class Program implements OAuthClientProvider {
  private readonly given = randomUUID();
  private known: OAuthClientInformationMixed | undefined;
  private held: OAuthTokens | undefined;
  private found: OAuthDiscoveryState | undefined;
  private verifier = '';
  private asked: URL | undefined;
  private answered: ((answer: URL) => void) | undefined;

  private constructor(
    readonly name: string,
    private readonly listening: Server,
  ) {
    listening.on('request', (request, response) => {
      const answer = new URL(request.url ?? '/', this.redirectUrl);
      if (answer.pathname === '/callback') {
        // The browser is not to ask for an icon that may find nobody here any more.
        response.setHeader('content-type', 'text/html; charset=utf-8');
        response.end('<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Program</title>The program has its answer.');
        this.answered?.(answer);
      } else response.writeHead(404).end();
    });
  }

  /** One that nobody knows yet. */
  static async start(name: string): Promise<Program> {
    const listening = createServer().listen(0, '127.0.0.1');
    await once(listening, 'listening');
    return new Program(name, listening);
  }

  stop(): void {
    this.listening.close();
    this.listening.closeAllConnections();
  }

  /** Tries to use Parley, and is refused: where its person must say yes; `said` hears the answer. */
  async ask(server: string): Promise<{ address: string; said: Promise<URL>; finish: (answer: URL) => Promise<void> }> {
    const transport = this.transport(server);
    const said = new Promise<URL>((resolve) => (this.answered = resolve));
    const refused = await new Client(ME).connect(transport).catch((error: unknown) => error);
    if (!(refused instanceof UnauthorizedError)) throw new Error(`not asked to sign in: ${String(refused)}`);
    if (!this.asked) throw new Error('nobody is asked');
    const finish = async (answer: URL): Promise<void> => {
      if (answer.searchParams.get('state') !== this.given) throw new Error('an answer to another question');
      await transport.finishAuth(answer.searchParams);
    };
    return { address: this.asked.href, said, finish };
  }

  /** Uses Parley with what it has. */
  async connect(server: string): Promise<Client> {
    const client = new Client(ME, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
    await client.connect(this.transport(server));
    return client;
  }

  private transport(server: string): StreamableHTTPClientTransport {
    return new StreamableHTTPClientTransport(new URL('/mcp', server), { authProvider: this });
  }

  get redirectUrl(): string {
    return `http://127.0.0.1:${(this.listening.address() as AddressInfo).port}/callback`;
  }

  get clientMetadata(): OAuthClientMetadata {
    return {
      client_name: this.name,
      redirect_uris: [this.redirectUrl],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    };
  }

  state(): string {
    return this.given;
  }

  clientInformation(): OAuthClientInformationMixed | undefined {
    return this.known;
  }

  saveClientInformation(known: OAuthClientInformationMixed): void {
    this.known = known;
  }

  tokens(): OAuthTokens | undefined {
    return this.held;
  }

  saveTokens(held: OAuthTokens): void {
    this.held = held;
  }

  discoveryState(): OAuthDiscoveryState | undefined {
    return this.found;
  }

  saveDiscoveryState(found: OAuthDiscoveryState): void {
    this.found = found;
  }

  invalidateCredentials(which: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery'): void {
    if (which === 'all' || which === 'client') this.known = undefined;
    if (which === 'all' || which === 'tokens') this.held = undefined;
    if (which === 'all' || which === 'discovery') this.found = undefined;
  }

  redirectToAuthorization(address: URL): void {
    this.asked = address;
  }

  saveCodeVerifier(verifier: string): void {
    this.verifier = verifier;
  }

  codeVerifier(): string {
    return this.verifier;
  }
}

const ME = { name: 'parley-end2end', version: '1' };
