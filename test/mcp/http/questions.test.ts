import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ids, prompts, startApi } from '../../api.ts';
import { type Reply, temporaryFolder } from '../../harness.ts';
import { eachNthOf, long } from '../../long.ts';
import { callOf, type HttpTestServer, modernRequest, newUser, startHttpServer } from './http-harness.ts';

/** A person is asked by one replica, and answers to another. */

const requests = prompts(ids(3));
const ana = newUser('ana');
const ben = newUser('ben');
const reader = { ...newUser('ana', 'batch:read'), name: 'ana' };
const forms = { elicitation: { form: {} } };

type Options = Parameters<typeof startHttpServer>[0];

async function replicas(options: Options = {}) {
  const api = await startApi();
  const folder = await temporaryFolder();
  const start = () =>
    startHttpServer({
      api,
      folder,
      users: [ana, ben],
      ...options,
      env: { BATCH_MCP_ASK_ABOVE_USD: '0', ...options.env },
    });
  return { api, first: await start(), second: await start(), start };
}

const accepted = { action: 'accept', content: { send: true } };

describe('in the new era', () => {
  const call = { name: 'submit_batch', arguments: { requests } };
  const ask = async (server: HttpTestServer, more: object = {}, user = ana): Promise<Reply> =>
    (await server.post(modernRequest('tools/call', { ...call, ...more }, forms), user)).json.result;
  const answered = (answer: unknown, requestState: unknown) => ({
    inputResponses: { approval: answer },
    requestState,
  });

  eachNthOf(3, [
    { name: 'a yes', answer: accepted, creates: 1, said: /"request_count":3/ },
    { name: 'a no', answer: { action: 'decline' }, creates: 0, said: /The person declined/ },
    { name: 'a closed form', answer: { action: 'cancel' }, creates: 0, said: /closed the question/ },
  ])('$name counts at the other replica, once', async ({ answer, creates, said }) => {
    const { api, first, second } = await replicas();
    const { requestState } = await ask(first);
    const reply = await ask(second, answered(answer, requestState));
    expect(JSON.stringify(reply)).toMatch(said);
    expect(api.creates).toHaveLength(creates);
    if (creates > 0) return;
    expect(await ask(first, answered(accepted, requestState))).toMatchObject({
      resultType: 'input_required',
    });
    expect(api.creates).toEqual([]);
  });

  eachNthOf(3, [
    { name: 'another user', user: ben, more: {} },
    { name: 'other work', user: ana, more: { arguments: { requests: prompts(ids(2)) } } },
    { name: 'another state', user: ana, more: { requestState: `question_${'0'.repeat(32)}` } },
    { name: 'a path for a state', user: ana, more: { requestState: 'question_../../signing-key' } },
  ])('the yes to a question is none for $name', async ({ user, more }) => {
    const { api, first, second } = await replicas();
    const { requestState } = await ask(first);
    const reply = await ask(second, { ...answered(accepted, requestState), ...more }, user);
    expect(reply).toMatchObject({ resultType: 'input_required' });
    expect(api.creates).toEqual([]);
  });

  test('two answers at once, to two replicas, send it once', async () => {
    const { api, first, second } = await replicas();
    const { requestState } = await ask(first);
    const yes = answered(accepted, requestState);
    const twice = await Promise.all([ask(first, yes), ask(second, yes)]);
    expect(twice.map(({ resultType }) => resultType)).toContain('complete');
    expect(api.creates).toHaveLength(1);
  });

  test('it outlives the replica that asked', async () => {
    const { api, first, start } = await replicas();
    const { requestState } = await ask(first);
    await first.close();
    expect(await ask(await start(), answered(accepted, requestState))).toMatchObject({
      resultType: 'complete',
    });
    expect(api.creates).toHaveLength(1);
  });
});

describe('in the old era', () => {
  /** The official client, whose calls go to one replica and whose answers go to another. */
  async function connect(
    first: HttpTestServer,
    second: HttpTestServer,
    answer: () => Reply | Promise<Reply>,
  ) {
    const client = new Client({ name: 'test', version: '1' }, { capabilities: forms });
    const messages: string[] = [];
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
      messages.push(params.message);
      return (await answer()) as never;
    });
    const sent: Reply[] = [];
    const transport = new StreamableHTTPClientTransport(new URL(`${first.url}/mcp`), {
      requestInit: { headers: { authorization: `Bearer ${ana.token}` } },
      fetch(url, init) {
        const message = typeof init?.body === 'string' ? JSON.parse(init.body) : {};
        if (!('method' in message) && 'id' in message) {
          sent.push(message);
          return fetch(`${second.url}/mcp`, init);
        }
        return fetch(url, init);
      },
    });
    await client.connect(transport as never);
    onTestFinished(() => client.close());
    return { client, messages, sent };
  }

  eachNthOf(2, [
    { name: 'a yes', answer: accepted, creates: 1, said: /"request_count":3/ },
    { name: 'the form as it stands', answer: { action: 'accept', content: {} }, creates: 1, said: /batch_/ },
    { name: 'a no', answer: { action: 'decline' }, creates: 0, said: /The person declined/ },
    { name: 'a closed form', answer: { action: 'cancel' }, creates: 0, said: /closed the question/ },
  ])('$name counts at the other replica too', async ({ answer, creates, said }) => {
    const { api, first, second } = await replicas();
    const { client, messages } = await connect(first, second, () => answer);
    const reply = await client.callTool({ name: 'submit_batch', arguments: { requests } });
    expect(messages).toEqual([expect.stringMatching(/^Send 3 requests .*\$/)]);
    expect(JSON.stringify(reply)).toMatch(said);
    expect(api.creates).toHaveLength(creates);
  });

  test('an answer after the call has ended still counts', long, async () => {
    const { api, first, second } = await replicas({ callMs: 2_000 });
    let decide: (answer: object) => void = () => {};
    const decision = new Promise<object>((resolve) => {
      decide = resolve;
    });
    const { client } = await connect(first, second, () => decision);
    const reply = await client.callTool({ name: 'submit_batch', arguments: { requests } });
    expect(JSON.stringify(reply)).toMatch(/The person is being asked/);
    expect(api.creates).toEqual([]);
    decide(accepted);
    await expect.poll(() => api.creates.length).toBe(1);
  });

  test('an error for an answer, another user, and who may only read: nothing is sent', async () => {
    const { api, first, second } = await replicas({ users: [ana, ben, reader] });
    const { client, sent } = await connect(first, second, () => Promise.reject(new Error('no form here')));
    const reply = await client.callTool({ name: 'submit_batch', arguments: { requests } });
    expect(JSON.stringify(reply)).toMatch(/Nobody answered/);
    const [answer] = sent;
    const yes = { jsonrpc: '2.0', id: answer?.id, result: accepted };
    expect((await second.post(yes, ben)).status).toBe(202);
    expect((await second.post(yes, reader)).status).toBe(403);
    expect((await second.post(yes, ana)).status).toBe(202);
    expect(api.creates).toEqual([]);
  });

  test('who goes while they are asked has not approved', async () => {
    const { api, first, second } = await replicas();
    const { client } = await connect(first, second, async () => {
      void client.close();
      return accepted;
    });
    await expect(client.callTool({ name: 'submit_batch', arguments: { requests } })).rejects.toThrow();
    await first.close();
    expect(api.creates).toEqual([]);
  });

  test.each([
    { name: 'that takes no stream', headers: { accept: 'application/json' } },
    { name: 'that begins without its session', headers: { 'mcp-session-id': 'other' } },
  ])('a client $name is refused, and told so', async ({ headers }) => {
    const { api, first } = await replicas();
    const hello = {
      protocolVersion: '2025-11-25',
      capabilities: forms,
      clientInfo: { name: 'x', version: '1' },
    };
    const { headers: given } = await first.post(
      { jsonrpc: '2.0', id: 0, method: 'initialize', params: hello },
      ana,
    );
    const session = { 'mcp-session-id': String(given['mcp-session-id']) };
    const { json } = await first.post(callOf('submit_batch', { requests }), ana, { ...session, ...headers });
    expect(json.result).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/cannot ask/) }],
    });
    expect(api.creates).toEqual([]);
  });

  test.each([
    { name: 'that can ask no forms', capabilities: { elicitation: { url: {} } }, env: {} },
    { name: 'that is never asked', capabilities: forms, env: { BATCH_MCP_ASK_ABOVE_USD: '' } },
  ])('a client $name gets no session', async ({ capabilities, env }) => {
    const { first } = await replicas({ env });
    const params = { protocolVersion: '2025-11-25', capabilities, clientInfo: { name: 'x', version: '1' } };
    const { headers } = await first.post({ jsonrpc: '2.0', id: 0, method: 'initialize', params }, ana);
    expect(headers).not.toHaveProperty('mcp-session-id');
  });
});
