// A page of somebody else, of the guide's kind: plain HTML from another port that speaks JSON over /ws/chat/ROOM/.
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { expect, test } from './support/test';

const PAGE = `<!doctype html><title>Guide</title><ul id="log"></ul><output id="state"></output><script>
  const [, port, room] = location.hash.split('/');
  const socket = new WebSocket('ws://127.0.0.1:' + port + '/ws/chat/' + room + '/');
  const state = (text) => { document.getElementById('state').textContent = text; };
  window.frames_ = [];
  socket.onopen = () => state('open');
  socket.onclose = () => state('closed');
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    window.frames_.push(frame);
    if (frame.streaming) return;
    const item = document.createElement('li');
    item.textContent = frame.sender + ': ' + frame.message;
    document.getElementById('log').append(item);
  };
  window.say = (message) => socket.send(JSON.stringify({ message }));
</script>`;

type Frame = { message: string; sender: string; streaming?: boolean; done?: boolean };

async function serve(): Promise<{ server: Server; origin: string }> {
  const server = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end(PAGE)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, origin: `http://127.0.0.1:${(server.address() as { port: number }).port}` };
}

test('a page from an allowed origin chats, and Parley\'s own page shows it', async ({ person, startServer }) => {
  const { server: guide, origin } = await serve();
  try {
    const server = await startServer({ PARLEY_ALLOWED_ORIGINS: origin, PARLEY_DEFAULT_MODEL: 'offline/assistant' });
    const ada = await person({ server });
    const page = await ada.context.newPage();
    await page.goto(`${origin}/#/${server.port}/lobby`);
    await expect(page.locator('#state')).toHaveText('open');
    await page.evaluate(() => (window as unknown as { say(text: string): void }).say('sum 2 40'));
    await expect(page.locator('#log li').last()).toContainText('42');

    const frames = await page.evaluate(() => (window as unknown as { frames_: Frame[] }).frames_);
    const done = frames.findLast((frame) => frame.done);
    expect(done?.sender).toBe('bot');
    const pieces = frames.filter((frame) => frame.streaming);
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.map((frame) => frame.message).join('')).toBe(done?.message);

    await ada.reload();
    await ada.page.getByRole('link', { name: /lobby|sum/i }).first().click();
    await expect(ada.replies).toContainText('42');
  } finally {
    guide.close();
  }
});

test('a page from any other origin gets no socket', async ({ person, startServer, complaints }) => {
  complaints.expect(/WebSocket/, /403/);
  const { server: guide, origin } = await serve();
  try {
    const server = await startServer();
    const ada = await person({ server });
    const page = await ada.context.newPage();
    await page.goto(`${origin}/#/${server.port}/lobby`);
    await expect(page.locator('#state')).toHaveText('closed');
  } finally {
    guide.close();
  }
});
