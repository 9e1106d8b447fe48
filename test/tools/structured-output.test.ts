import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { follow, startApi, startCheckedServer } from '../api.ts';
import { succeeded } from '../api-server.ts';
import { startServer } from '../harness.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const bounded = (minimum: number) => ({
  type: 'object',
  properties: { score: { type: 'integer', minimum, maximum: 10, description: 'Of the shop.' } },
  required: ['score'],
});
const sent = (minimum: number) => ({
  type: 'object',
  properties: {
    score: { type: 'integer', description: `Of the shop.\n\n{minimum: ${minimum}, maximum: 10}` },
  },
  required: ['score'],
  additionalProperties: false,
});

test('keywords that structured output refuses are sent in descriptions, said, and answers are checked by them', async () => {
  const api = await startApi({
    results: (requests) =>
      requests.map((request) => succeeded(request, `{"score":${request.custom_id === 'a' ? 3 : 11}}`)),
  });
  const server = await startCheckedServer({ api });
  const reply = await server.ok('submit_batch', {
    requests: ['a', 'b'].map((task_id) => ({ task_id, prompt: 'How good?' })),
    output_schema: bounded(1),
  });
  expect(reply.warnings.join('\n')).toContain('(properties.score.minimum, properties.score.maximum)');
  const formats = () =>
    api.creates.at(-1)?.requests.map(({ params }) => Object(params.output_config).format.schema);
  expect(formats()).toEqual([sent(1), sent(1)]);
  api.endAll();
  expect(await follow(server, reply.batch_id)).toMatchObject({ outcomes: { succeeded: 1, incomplete: 1 } });

  // What is sent again goes as it went; with a new schema, as that goes.
  await server.ok('retry_batch', { batch_id: reply.batch_id });
  expect(formats()).toEqual([sent(1)]);
  api.endAll();
  await follow(server, reply.batch_id);
  const retried = await server.ok('retry_batch', { batch_id: reply.batch_id, output_schema: bounded(2) });
  expect(retried.warnings.join('\n')).toContain('properties.score.minimum');
  expect(formats()).toEqual([sent(2)]);
  api.endAll();
  expect(await follow(server, reply.batch_id)).toMatchObject({ outcomes: { succeeded: 1, incomplete: 1 } });
});

test('a task type of the owner has its schema treated alike', async () => {
  const api = await startApi({
    results: (requests) => requests.map((request) => succeeded(request, '{"score":0}')),
  });
  const folder = await templates();
  const server = await startServer({ api, env: { BATCH_MCP_TEMPLATES: folder } });
  const { batch_id, warnings } = await server.ok('submit_batch', {
    requests: [{ task_id: 'a', task_type: 'judge', input_data: { text: 'x' } }],
  });
  expect(warnings.join('\n')).toContain('properties.score.minimum');
  const [request] = api.creates.at(-1)?.requests ?? [];
  expect(Object(request?.params.output_config).format.schema).toEqual(sent(1));
  api.endAll();
  expect(await follow(server, batch_id)).toMatchObject({ outcomes: { incomplete: 1 } });
});

async function templates(): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(path.join(folder, 'judge.schema.json'), JSON.stringify(bounded(1)));
  await writeFile(
    path.join(folder, 'judge.md'),
    '---\ndescription: Judges.\noutput_schema: judge.schema.json\n---\nJudge: {{text}}\n',
  );
  return folder;
}

test('the sandbox answers by the whole schema', async () => {
  const server = await startServer();
  const { batch_id } = await server.ok('submit_batch', {
    requests: Array.from({ length: 20 }, (_, index) => ({ task_id: `t${index}`, prompt: 'How good?' })),
    output_schema: bounded(7),
    sandbox: true,
  });
  expect(await follow(server, batch_id)).toMatchObject({ outcomes: { succeeded: 20 } });
});
