import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { answering, endedBatch, ids, prompts } from '../api.ts';
import { type ApiRequest, errored, succeeded } from '../api-server.ts';
import { parseCsv } from '../csv.ts';
import { spawnServer } from '../harness.ts';
import { eachNthOf } from '../long.ts';

const text = (said: string, more: object = {}) => ({ type: 'text', text: said, ...more });
const thinking = { type: 'thinking', thinking: 'Hmm, 7.', signature: 'c2lnbmF0dXJl' };

/** Answers that are more than one text: what they hold, and what a concise reply says that it does not show. */
const kinds: {
  name: string;
  message: { content: object[] } & Record<string, unknown>;
  left_out: string[];
}[] = [
  { name: 'thinking', message: { content: [thinking, text('Yes.')] }, left_out: ['thinking'] },
  {
    name: 'redacted thinking',
    message: { content: [{ type: 'redacted_thinking', data: 'eA==' }, text('Yes.')] },
    left_out: ['redacted_thinking'],
  },
  {
    name: 'citations',
    message: {
      content: [
        text('As '),
        text('written', { citations: [{ type: 'page_location', cited_text: 'w', start_page_number: 3 }] }),
      ],
    },
    left_out: ['citations'],
  },
  {
    name: 'a server tool and its result',
    message: {
      content: [
        text("I'll look."),
        { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'x' } },
        {
          type: 'web_search_tool_result',
          tool_use_id: 'srvtoolu_1',
          content: [{ type: 'web_search_result', url: 'https://a.example' }],
        },
        text('Found.'),
      ],
    },
    left_out: ['server_tool_use', 'web_search_tool_result'],
  },
  {
    name: 'a pause',
    message: {
      content: [{ type: 'server_tool_use', id: 'srvtoolu_2', name: 'web_fetch', input: {} }],
      stop_reason: 'pause_turn',
    },
    left_out: ['server_tool_use'],
  },
  {
    name: 'a stop sequence',
    message: { content: [text('One')], stop_reason: 'stop_sequence', stop_sequence: '###' },
    left_out: ['stop_sequence'],
  },
  {
    name: 'a refusal with its category',
    message: {
      content: [text('No.')],
      stop_reason: 'refusal',
      stop_details: { type: 'refusal', category: 'cyber' },
    },
    left_out: ['stop_details'],
  },
  {
    name: 'a container',
    message: {
      content: [
        {
          type: 'bash_code_execution_tool_result',
          tool_use_id: 's',
          content: { stdout: '4', return_code: 0 },
        },
        text('4'),
      ],
      container: { id: 'container_1', expires_at: '2026-11-25T00:00:00Z' },
    },
    left_out: ['bash_code_execution_tool_result', 'container'],
  },
  {
    name: 'a kind of block that is new',
    message: { content: [text('See:'), { type: 'hologram', data: { z: 1 } }] },
    left_out: ['hologram'],
  },
];

const requests = kinds.map(({ name }) => ({ task_id: name, prompt: 'Well?' }));
const usage = { input_tokens: 10, output_tokens: 9, output_tokens_details: { thinking_tokens: 7 } };
const results = (sent: ApiRequest[]) =>
  sent.map((request, index) => succeeded(request, '', { ...kinds[index]?.message, usage }));

/** What of a message is more than one text. */
function beyondText({ message }: (typeof kinds)[number]): object {
  const { content, stop_sequence, stop_details, container } = message;
  const isOne = content.length === 1 && JSON.stringify(content).startsWith('[{"type":"text"');
  return {
    ...(!isOne && { content }),
    ...(stop_sequence !== undefined && { stop_sequence }),
    ...(stop_details !== undefined && { stop_details }),
    ...(container !== undefined && { container }),
    thinking_tokens: 7,
  };
}

describe('what of an answer is more than one text', () => {
  test('is left out of a concise reply, which says so, and stands in a full one', async () => {
    const { server, batch_id } = await endedBatch(requests, results);
    const concise = await server.ok('get_results', { batch_id });
    const full = await server.ok('get_results', { batch_id, detail: 'full' });
    for (const [index, kind] of kinds.entries()) {
      expect(concise.results[index].left_out, kind.name).toEqual(kind.left_out);
      expect(concise.results[index].content, kind.name).toBeUndefined();
      expect(full.results[index], kind.name).toMatchObject(beyondText(kind));
      expect(full.results[index].left_out, kind.name).toBeUndefined();
    }
  });

  test('stands in .json and .jsonl files, and is said to be left out of .csv and .md', async () => {
    const { server, batch_id } = await endedBatch(requests, results);
    const written = async (name: string) => {
      await server.ok('get_results', { batch_id, output_file: name });
      return readFile(path.join(server.work, name), 'utf8');
    };
    const elements = JSON.parse(await written('out.json'));
    const lines = (await written('out.jsonl')).trimEnd().split('\n');
    const [head, ...rows] = parseCsv(await written('out.csv'));
    const md = await written('out.md');
    expect(head?.at(-1)).toBe('left_out');
    for (const [index, kind] of kinds.entries()) {
      expect(elements[index], kind.name).toMatchObject(beyondText(kind));
      expect(JSON.parse(lines[index] ?? ''), kind.name).toMatchObject(beyondText(kind));
      expect(rows[index]?.at(-1), kind.name).toBe(kind.left_out.join(', '));
      expect(md, kind.name).toContain(`*left out here: ${kind.left_out.join(', ')}*`);
    }
  });

  test('costs a .csv of plain texts no column', async () => {
    const { server, batch_id } = await endedBatch(prompts(['a']), answering('Yes.'));
    await server.ok('get_results', { batch_id, output_file: 'out.csv' });
    expect(await readFile(path.join(server.work, 'out.csv'), 'utf8')).not.toContain('left_out');
  });
});

describe('calls of tools with long inputs', () => {
  const long = 'word '.repeat(4_000);
  const call = (id: string, input: unknown) => ({ type: 'tool_use', id, name: 'extract', input });
  const shapes: { name: string; content: object[]; file: string | null; calls: unknown[] }[] = [
    { name: 'alone', content: [call('t1', { all: long })], file: null, calls: [{ all: long }] },
    {
      name: 'behind a text',
      content: [text('Here:'), call('t1', { all: long })],
      file: null,
      calls: [{ all: long }],
    },
    {
      name: 'behind a text as long',
      content: [text(long), call('t1', { all: long })],
      file: long,
      calls: [{ all: long }],
    },
    {
      name: 'several',
      content: [call('t1', { n: 1 }), call('t2', { all: long })],
      file: null,
      calls: [{ n: 1 }, { all: long }],
    },
    {
      name: 'short ones behind a long text',
      content: [text(long), call('t1', { n: 1 })],
      file: long,
      calls: [{ n: 1 }],
    },
  ];

  eachNthOf(6, shapes)(
    '$name: are named in the reply, and whole in a file of their own',
    async ({ content, file, calls }) => {
      const { server, batch_id } = await endedBatch(prompts(['a']), ([request]) =>
        request ? [succeeded(request, '', { content, stop_reason: 'tool_use' })] : [],
      );
      for (const detail of ['concise', 'full']) {
        const {
          results: [shown],
        } = await server.ok('get_results', { batch_id, detail });
        expect(shown.tool_calls.map(({ name }: { name: string }) => name)).toEqual(
          calls.map(() => 'extract'),
        );
        if (shown.cut.tool_calls_file !== undefined) {
          const kept = JSON.parse(await readFile(shown.cut.tool_calls_file, 'utf8'));
          expect(kept.map(({ input }: { input: unknown }) => input)).toEqual(calls);
        } else expect(shown.tool_calls.map(({ input }: { input: unknown }) => input)).toEqual(calls);
        if (file !== null) expect(await readFile(shown.cut.file, 'utf8')).toBe(file);
        if (detail === 'full')
          expect(JSON.parse(await readFile(shown.cut.content_file, 'utf8'))).toEqual(content);
      }
    },
  );
});

test('a page says a cause once, with the first that has it', async () => {
  const { server, batch_id } = await endedBatch(prompts(ids(6)), (sent) =>
    sent.map((request, index) =>
      errored(request, 'api_error', index === 3 ? 'Other.' : 'The same long story.'),
    ),
  );
  const answer = await server.call('get_results', { batch_id, outcomes: ['failed'] });
  const messages = answer.reply.results.map(({ error }: { error: { message?: string } }) => error.message);
  expect(messages).toEqual(['The same long story.', undefined, undefined, 'Other.', undefined, undefined]);
  for (const { error } of answer.reply.results)
    expect(error).toMatchObject({ type: 'api_error', retryable: true });
});

test('numbers reach a reply as they were answered, on the wire in both of its forms', async () => {
  const output_schema = {
    type: 'object',
    properties: { id: { type: 'integer' }, price: { type: 'number' }, far: { type: 'number' } },
  };
  const said = '{"id":1234567890123456789,"price":100.10,"far":1e400}';
  const content = `[{"type":"tool_use","id":"t","name":"keep","input":${said}}]`;
  const { server, api, batch_id } = await endedBatch(
    [{ task_id: 'json', prompt: 'x', output_schema }, ...prompts(['call'])],
    // JSON.stringify can't write such numbers: they get into the line behind its back.
    (sent) =>
      sent.map((request) =>
        request.custom_id === 'json'
          ? succeeded(request, said)
          : JSON.stringify(succeeded(request, '', { content: 'CALL' })).replace('"CALL"', content),
      ),
  );
  const { text: reply } = await server.call('get_results', { batch_id });
  expect(reply).toContain(`"json":${said}`);
  expect(reply).toContain(`"input":${said}`);

  const spawned = await spawnServer({ folder: server.folder, api });
  let frames = '';
  const transport: any = spawned.client.transport;
  transport._process.stdout.on('data', (chunk: Buffer) => {
    frames += String(chunk);
  });
  await spawned.ok('get_results', { batch_id });
  const structured = frames.slice(frames.lastIndexOf('"structuredContent"'));
  expect(structured).toContain(`"json":${said}`);
  expect(structured).toContain(`"input":${said}`);
});
