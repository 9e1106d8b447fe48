import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ids, prompts } from '../api.ts';
import { spawnServer, startServer } from '../harness.ts';
import { long } from '../long.ts';
import { startRawServer } from '../server/raw-server.ts';
import { startModernServer } from './modern-client.ts';

const requests = prompts(ids(3));

test('resources and prompts are declared, with an icon', async () => {
  const { client } = await startServer();
  expect(client.getServerCapabilities()).toEqual({ tools: {}, resources: {}, prompts: {} });
  const modern = await startModernServer();
  const { capabilities, _meta } = (await modern.ask('server/discover')).result;
  expect(capabilities).toMatchObject({ tools: {}, resources: {}, prompts: {} });
  const told = [client.getServerVersion(), _meta['io.modelcontextprotocol/serverInfo']];
  for (const { icons } of told) {
    expect(icons).toEqual([
      expect.objectContaining({ mimeType: 'image/svg+xml', src: expect.stringMatching(/^data:image\/svg/) }),
    ]);
  }
});

test('each tool has words to be found by', async () => {
  const { client } = await startServer();
  for (const { name, _meta } of (await client.listTools()).tools) {
    expect(_meta?.['anthropic/searchHint'], name).toMatch(/^.{10,80}$/);
  }
});

describe('resources', () => {
  test('are the task types and the newest batches, whose summaries can be read', async () => {
    const server = await startServer();
    const { client } = server;
    const { batch_id, name } = await server.ok('submit_batch', {
      requests,
      name: 'the first',
      sandbox: true,
    });
    await server.ok('batch_status', { batch_id, wait_seconds: 20 });
    const uri = `batch-mcp://batches/${batch_id}`;
    const { resources } = await client.listResources();
    expect(resources).toMatchObject([{ uri: 'batch-mcp://task-types' }, { uri, name }]);
    expect((await client.listResourceTemplates()).resourceTemplates).toMatchObject([
      { uriTemplate: 'batch-mcp://batches/{batch_id}' },
    ]);
    const { contents } = await client.readResource({ uri });
    expect(contents).toMatchObject([{ uri, mimeType: 'application/json' }]);
    const [summary] = contents;
    if (summary === undefined || !('text' in summary)) throw new Error('there is no text');
    expect(JSON.parse(summary.text)).toMatchObject({ batch_id, totals: { total: 3, succeeded: 3 } });
    for (const asked of [
      `${uri}/`,
      uri.replace('batch-mcp', 'Batch-MCP'),
      'batch-mcp://task-types/',
      'BATCH-MCP://task-types',
    ])
      expect((await client.readResource({ uri: asked })).contents).toMatchObject([{ uri: asked }]);
    const types = (await client.readResource({ uri: 'batch-mcp://task-types' })).contents[0];
    if (types === undefined || !('text' in types)) throw new Error('there is no text');
    expect(JSON.parse(types.text).task_types).toContainEqual(
      expect.objectContaining({ task_type: 'classify_bulk', input_data: expect.any(String) }),
    );
  });

  const noUri = { code: -32602, message: expect.stringMatching(/^The uri is missing. Valid: batch-mcp:/) };
  const absent: [uri: unknown, message?: RegExp][] = [
    ['batch-mcp://nothing'],
    ['batch-mcp://batches/'],
    ['batch-mcp://batches/batch_01J00000000000000000000000', /^not_found: /],
    ['batch-mcp://batches/no such name', /^invalid_input: /],
    ['batch-mcp://batches/%2e%2e%2fetc', /^invalid_input: /],
    ['batch-mcp://batches/%E0%A4%A'],
    ['batch-mcp://batches/a/b'],
    ['file:///etc/passwd'],
    [''],
  ];
  test('that are not there are told by their address, under the code of each era', async () => {
    const modern = await startModernServer();
    const old = await startRawServer({ folder: modern.folder });
    await old.initialize();
    const read = async (uri: unknown, id: number) => {
      old.send({ jsonrpc: '2.0', id, method: 'resources/read', params: { uri } });
      return [(await modern.ask('resources/read', { uri })).error, (await old.reply(id)).error];
    };
    for (const [index, [uri, message = /^There is no such resource. Valid: /]] of absent.entries()) {
      const told = { message: expect.stringMatching(message), data: { uri } };
      const expected = [
        { code: -32602, ...told },
        { code: -32002, ...told },
      ];
      expect(await read(uri, 100 + index), String(uri)).toEqual(expected);
    }
    for (const [index, uri] of [null, 7, {}, ['batch-mcp://task-types']].entries()) {
      expect(await read(uri, 200 + index), JSON.stringify(uri)).toEqual([noUri, noUri]);
    }
  });

  test('that are damaged are no fault of whoever reads', long, async () => {
    const server = await startModernServer();
    const { batch_id } = (await server.call('submit_batch', { requests, sandbox: true })).structuredContent;
    await expect
      .poll(async () => (await server.call('batch_status', { batch_id, wait_seconds: 1 })).structuredContent)
      .toMatchObject({ results_state: 'saved' });
    const record = path.join(server.data, 'batches', batch_id, 'record');
    const last = (await readdir(record)).sort().at(-1) ?? '';
    await writeFile(path.join(record, last), '{"half": ');
    const { error } = await server.ask('resources/read', { uri: `batch-mcp://batches/${batch_id}` });
    expect(error).toMatchObject({ code: -32603, message: expect.stringMatching(/^store_damaged: /) });
  });

  test('files are links beside the text, in the new era', async () => {
    const server = await startModernServer();
    const file = path.join(server.folder, 'work', 'all of it.csv');
    const submit = { requests, sandbox: true, output_file: file };
    const { batch_id } = (await server.call('submit_batch', submit)).structuredContent;
    await expect
      .poll(async () => (await server.call('batch_status', { batch_id, wait_seconds: 1 })).structuredContent)
      .toMatchObject({ output_files: [file] });
    const { content } = await server.call('batch_status', { batch_id });
    expect(content).toMatchObject([
      { type: 'text' },
      { type: 'resource_link', name: 'all of it.csv', mimeType: 'text/csv' },
    ]);
    expect(await readFile(fileURLToPath(content[1].uri), 'utf8')).toContain('t001');
  });
});

describe('prompts', () => {
  const given: Record<string, Record<string, string>> = {
    classify_table: { table: 'tickets.csv', labels: "bug, $& praise, 'other'" },
    work_on_files: { files: 'src/**/*.ts', task: 'Explain it.', output: '{{stem}}.md' },
    summarise_logs: { logs: '/var/log/*.log' },
    digest_batch: {},
    retry_failed: { batch: 'tickets', change: 'with more max_tokens' },
  };

  test('lead to tools and arguments that there are', async () => {
    const { client } = await startServer();
    const { tools } = await client.listTools();
    const known = new Set(
      tools.flatMap(({ name, inputSchema }) => [name, ...Object.keys(inputSchema.properties ?? {})]),
    );
    const { prompts: listed } = await client.listPrompts();
    expect(listed.map(({ name }) => name)).toEqual(Object.keys(given));
    for (const { name, title, description } of listed) {
      expect(`${title} ${description}`, name).toMatch(/\w+ \w+/);
      const args = given[name] ?? {};
      const { messages } = await client.getPrompt({ name, arguments: args });
      expect(messages, name).toMatchObject([{ role: 'user', content: { type: 'text' } }]);
      const [message] = messages;
      const text = message?.content.type === 'text' ? message.content.text : '';
      for (const value of Object.values(args)) expect(text, name).toContain(value);
      expect(text.length, name).toBeLessThan(2_500);
      const named = text.match(/\b[a-z]+(?:_[a-z]+)+\b/g) ?? [];
      const replied = ['next_step', 'error_digest', 'analyze_logs'];
      expect(
        named.filter((word) => !known.has(word) && !replied.includes(word)),
        name,
      ).toEqual([]);
      expect(text, name).toContain('get_results');
    }
  });

  test('say what they lack', async () => {
    const server = await startModernServer();
    const asked: { params: object; told: RegExp }[] = [
      { params: {}, told: /classify_table/ },
      { params: { name: 'nothing' }, told: /classify_table/ },
      { params: { name: 'classify_table' }, told: /table .*labels/ },
      { params: { name: 'classify_table', arguments: { table: 'a.csv', labels: ' ' } }, told: /labels/ },
      { params: { name: 'work_on_files', arguments: null }, told: /files/ },
      { params: { name: 'work_on_files', arguments: 'all' }, told: /files/ },
    ];
    for (const { params, told } of asked) {
      expect((await server.ask('prompts/get', params)).error, JSON.stringify(params)).toMatchObject({
        code: -32602,
        message: expect.stringMatching(told),
      });
    }
  });

  const odd: { name: string; given: unknown; told: string }[] = [
    {
      name: 'one text',
      given: '{"table": "a.csv", "labels": "x, y"}',
      told: 'table a.csv with batch-mcp. The labels: x, y.',
    },
    { name: 'a list', given: { table: 'a.csv', labels: ['x', 'y'] }, told: 'The labels: x, y.' },
    { name: 'an object', given: { table: 'a.csv', labels: { x: 1 } }, told: 'The labels: {"x":1}.' },
    { name: 'numbers', given: { table: 5, labels: true }, told: 'table 5 with batch-mcp. The labels: true.' },
    {
      name: 'braces and lines',
      given: { table: 'a\nb', labels: '{{x}} $& $1' },
      told: 'table a\nb with batch-mcp. The labels: {{x}} $& $1.',
    },
    {
      name: 'keys of the client',
      given: { table: 'a.csv', labels: 'x', toolCallId: '7', question: null },
      told: 'The labels: x.\n',
    },
    {
      name: 'a very long text',
      given: { table: 'a.csv', labels: 'x'.repeat(100_000) },
      told: 'x'.repeat(100_000),
    },
  ];
  test('take what clients send for texts', async () => {
    const server = await startModernServer();
    for (const { name, given, told } of odd) {
      const params = { name: 'classify_table', arguments: given };
      const { result } = await server.ask('prompts/get', params);
      expect(result?.messages[0].content.text, name).toContain(told);
    }
  });

  test('of a read-only server only look', async () => {
    const { client } = await spawnServer({ argv: ['--read-only'] });
    expect((await client.listPrompts()).prompts.map(({ name }) => name)).toEqual(['digest_batch']);
    await expect(client.getPrompt({ name: 'retry_failed' })).rejects.toThrow(/digest_batch/);
  });
});
