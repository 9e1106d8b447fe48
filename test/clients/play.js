/**
 * One client does the main job, and another time is canceled in the middle of a long wait:
 * `node play.js agent|caller <name> <server.js> <folder>`. An agent has a loop of its own before a model; a caller only calls.
 * Prints what was measured, as JSON. SERVER_NODE is the Node that runs the server.
 */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startModel } from './model.js';
import { longWait, mainJob } from './script.js';
import { messagesOf, serverIn } from './server.js';

const [kind, name, built, folder] = process.argv.slice(2);
/** The loop of an agent: the client's own, or one call after the other where it has none. */
async function run(server, script, signal, onTurn = () => {}) {
  if (kind === 'agent') {
    const { play } = await import(`./agents/${name}.js`);
    const model = await startModel(script, { onTurn });
    try {
      await play(server, model.url, 'Run the batch of rivers.', signal);
    } finally {
      model.close();
    }
    return { shown: model.shown, tools: model.tools };
  }
  const { connect } = await import(`./callers/${name}.js`);
  const { call, close } = await connect(server);
  const shown = [];
  try {
    for (const turn of script) {
      const { tool, args } = turn(shown);
      onTurn(tool);
      const result = await call(tool, args, signal);
      // What a program has of it is the whole result; of a command, what it prints.
      const text = 'code' in result ? result.content[0].text : JSON.stringify(result);
      shown.push({ text, isError: result.isError === true });
    }
  } finally {
    await close();
  }
  return { shown, tools: [] };
}

/** The calls on the wire, in their order, each with what the server answered. */
function exchangesOf(messages) {
  return messages.flatMap(({ message: call }, index) => {
    if (call.method !== 'tools/call') return [];
    const answer = messages
      .slice(index)
      .find(({ from, message }) => from === 'server' && message.id === call.id);
    return [{ call, result: answer?.message.result }];
  });
}

/** How a client shows a reply: its text, what is structured, or both. */
function formOf(shown, { content, structuredContent }) {
  if (structuredContent === undefined) return 'text';
  if (shown.includes('"structuredContent"')) return 'both';
  return shown === content[0].text ? 'text' : 'structured';
}

const server = await serverIn(path.join(folder, 'job'), built, 0.2);
const { shown, tools } = await run(server, mainJob);
const messages = await messagesOf(server);
const exchanges = exchangesOf(messages);

const slow = await serverIn(path.join(folder, 'cancel'), built, 60);
const controller = new AbortController();
await run(slow, longWait, controller.signal, (tool) => {
  if (tool === 'batch_status') setTimeout(() => controller.abort(), 1000);
}).catch(() => 'as a canceled call ends');
await sleep(500);

const [{ message: first }] = messages;
const version = messages.find(({ message }) => message.result?.protocolVersion)?.message.result
  .protocolVersion;
const report = {
  version: version ?? first.params._meta['io.modelcontextprotocol/protocolVersion'],
  asksForProgress: exchanges.some(({ call }) => call.params._meta?.progressToken !== undefined),
  sendsCancel: (await messagesOf(slow)).some(({ message }) => message.method === 'notifications/cancelled'),
  tools,
  turns: shown.map(({ text, isError }, index) => {
    const { call, result } = exchanges[index];
    const [sent] = result.content;
    return { tool: call.params.name, sent: sent.text, shown: text, form: formOf(text, result), isError };
  }),
};
process.stdout.write(JSON.stringify(report), () => process.exit(0));
