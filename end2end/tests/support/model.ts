// A model that a test speaks for: chat completions as OpenAI's API streams them, each piece when the test gives it. So
// what is to be seen in the middle of a reply does not depend on how quick a machine is.
import { once } from 'node:events';
import { type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export class Spoken {
  private reply!: Promise<ServerResponse>;
  private asked!: (response: ServerResponse) => void;

  private constructor(private readonly listening: Server) {
    this.next();
    listening.on('request', async (request, response: ServerResponse) => {
      const { tools } = JSON.parse(await text(request)) as { tools?: unknown[] };
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      // Only a turn has tools; whoever asks for a title is answered at once.
      if (tools?.length) this.asked(response);
      else finish(response, 'A title');
    });
  }

  static async start(): Promise<Spoken> {
    const listening = createServer().listen(0, '127.0.0.1');
    await once(listening, 'listening');
    return new Spoken(listening);
  }

  /** What a server is told for this model to answer. */
  get settings(): Record<string, string> {
    const { port } = this.listening.address() as AddressInfo;
    return { PARLEY_ENDPOINTS: `spoken=http://127.0.0.1:${port}/v1;word`, PARLEY_DEFAULT_MODEL: 'spoken/word' };
  }

  /** The next piece of the reply, once it was asked for. */
  async say(piece: string): Promise<void> {
    send(await this.reply, piece);
  }

  /** The reply's last piece; the next one belongs to the next turn. */
  async end(piece: string): Promise<void> {
    const reply = await this.reply;
    this.next();
    finish(reply, piece);
  }

  private next(): void {
    this.reply = new Promise((resolve) => (this.asked = resolve));
  }

  stop(): void {
    this.listening.close();
    this.listening.closeAllConnections();
  }
}

function send(response: ServerResponse, content: string, finish_reason: 'stop' | null = null): void {
  const choices = [{ index: 0, delta: content ? { content } : {}, finish_reason }];
  response.write(`data: ${JSON.stringify({ id: 'spoken', object: 'chat.completion.chunk', model: 'word', choices })}\n\n`);
}

function finish(response: ServerResponse, piece: string): void {
  send(response, piece);
  send(response, '', 'stop');
  response.end('data: [DONE]\n\n');
}
