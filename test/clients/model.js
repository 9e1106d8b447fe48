import { createServer } from 'node:http';

/**
 * A stand-in for the model behind an agent's loop: the Messages API (whole and streamed) and OpenAI's Responses API over real
 * HTTP. It calls one tool after another as a script says, and keeps what it was shown of each result.
 *
 * A script is a list of functions from what was shown so far to `{tool, args}`; after the last the model says that it is done.
 */
export async function startModel(script, { onTurn = () => {}, onRequest = () => {} }) {
  const model = { url: '', shown: [], tools: [], requests: 0, close: () => {} };
  async function answer(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString('utf8'));
    const path = (request.url ?? '').split('?')[0] ?? '';
    const wire = path.endsWith('/responses') ? responses : path.endsWith('/messages') ? messages : null;
    if (request.method !== 'POST' || wire === null) return json(response, 200, { input_tokens: 1, data: [] });
    model.requests += 1;
    onRequest(body);
    const names = (body.tools ?? []).map(({ name }) => name);
    const shown = wire.shown(body);
    if (shown.length > model.shown.length) model.shown = shown;
    if (names.length > model.tools.length) model.tools = body.tools;
    const turn = script[shown.length]?.(shown);
    const call = turn === undefined ? null : callOf(turn, names, wire.hasSearched(body));
    if (call !== null && call.name !== SEARCH) onTurn(turn.tool);
    if (body.stream) wire.stream(response, call, body);
    else json(response, 200, wire.whole(call, body));
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error) => response.destroy(error));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  model.url = `http://127.0.0.1:${server.address().port}`;
  model.close = () => {
    server.closeAllConnections();
    server.close();
  };
  return model;
}

/** Where a client shows its model only some of the tools, this finds the others. */
const SEARCH = 'ToolSearch';

/** A tool under the name that the client gives it, or the search for it; null where there is neither. */
function callOf({ tool, args }, names, hasSearched) {
  const name = names.find((each) => each.endsWith(tool));
  if (name !== undefined) return { name, args };
  const canSearch = names.includes(SEARCH) && !hasSearched;
  return canSearch
    ? { name: SEARCH, args: { query: 'batch of many tasks: submit, results, retry', max_results: 10 } }
    : null;
}

const DONE = 'All done.';
let made = 0;
function id(prefix) {
  made += 1;
  return `${prefix}_${String(made).padStart(6, '0')}`;
}

function json(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const messages = {
  /** The results of tools, as the model has them: all text of a result, and whether it is marked as an error. */
  shown: (body) =>
    toolResults(body)
      .filter((result) => !isSearch(result))
      .map(({ content, is_error }) => ({ text: textOf(content), isError: is_error === true })),

  hasSearched: (body) => toolResults(body).some(isSearch),

  whole: (call, { model }) => ({
    id: id('msg'),
    type: 'message',
    role: 'assistant',
    model,
    content: [
      call === null
        ? { type: 'text', text: DONE }
        : { type: 'tool_use', id: id('toolu'), name: call.name, input: call.args },
    ],
    stop_reason: call === null ? 'end_turn' : 'tool_use',
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 10 },
  }),

  stream(response, call, body) {
    const { content, stop_reason, ...message } = messages.whole(call, body);
    const [block] = content;
    const start = call === null ? { type: 'text', text: '' } : { ...block, input: {} };
    const delta =
      call === null
        ? { type: 'text_delta', text: DONE }
        : { type: 'input_json_delta', partial_json: JSON.stringify(call.args) };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const events = [
      { type: 'message_start', message: { ...message, content: [], stop_reason: null } },
      { type: 'content_block_start', index: 0, content_block: start },
      { type: 'content_block_delta', index: 0, delta },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 10 } },
      { type: 'message_stop' },
    ];
    for (const event of events) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    response.end();
  },
};

const toolResults = ({ messages: all = [] }) =>
  all
    .flatMap(({ content }) => (Array.isArray(content) ? content : []))
    .filter(({ type }) => type === 'tool_result');

const isSearch = ({ content }) =>
  Array.isArray(content) && content.some(({ type }) => type === 'tool_reference');

const responses = {
  shown: ({ input = [] }) =>
    (Array.isArray(input) ? input : [])
      .filter(({ type }) => type === 'function_call_output')
      // This API has no mark for errors: whatever is known of one is in the text.
      .map(({ output }) => ({ text: textOf(output), isError: false })),

  hasSearched: () => false,

  whole: (call, { model }) => ({
    id: id('resp'),
    object: 'response',
    created_at: 1,
    status: 'completed',
    model,
    output: [
      call === null
        ? {
            id: id('msg'),
            type: 'message',
            role: 'assistant',
            status: 'completed',
            content: [{ type: 'output_text', text: DONE, annotations: [] }],
          }
        : {
            id: id('fc'),
            type: 'function_call',
            call_id: id('call'),
            name: call.name,
            arguments: JSON.stringify(call.args),
            status: 'completed',
          },
    ],
    usage: { input_tokens: 10, output_tokens: 10, total_tokens: 20 },
  }),

  stream() {
    throw new Error('Nobody asks the Responses API for a stream here.');
  },
};

function textOf(content) {
  if (typeof content === 'string') return content;
  return (content ?? []).map((block) => block.text ?? JSON.stringify(block)).join('\n');
}
