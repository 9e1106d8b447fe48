import { cp, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { isJsonObject } from '../src/lib/json.ts';
import { startApi } from './api.ts';
import { type Reply, startServer, type TestServer } from './harness.ts';
import { startReceiver } from './receiver.ts';
import { scripted } from './retry.ts';

const MESSAGE = 'the message';
const project = path.resolve(import.meta.dirname, '..');

/** The JSON of a page below a heading: what is sent and what comes back. */
async function documentsOf(page: string, heading: string): Promise<unknown[]> {
  const text = await readFile(path.join(project, page), 'utf8');
  const section = text.split(/^#+ /m).find((each) => each.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^```json\n([\s\S]*?)^```/gm)].map(([, json = '']): unknown =>
    JSON.parse(json),
  );
}

/** A sentence without what differs from run to run. */
const sentence = (text: string) =>
  text.replace(/\b(?:batch|work|msgbatch(?:_sandbox)?)_\w+|[\d][\d,.]*|\/\S+?(?=\.?(?:\s|$))/g, '#');

/** Where a page says something else than a run; what it shortens stands for anything. */
function differences(told: unknown, real: unknown, at: string): string[] {
  if (told === '…' || told === null || real === null) return [];
  if (Array.isArray(told)) {
    if (!Array.isArray(real)) return [`${at} is no list`];
    if (told.length === 0 && real.length > 0) return [`${at}: ${JSON.stringify(real)}`];
    return told.flatMap((entry, index) => {
      const found = real.map((each) => differences(entry, each, `${at}[${index}]`));
      return found.some((each) => each.length === 0) ? [] : (found[0] ?? [`${at} is empty`]);
    });
  }
  if (isJsonObject(told)) {
    if (!isJsonObject(real)) return [`${at} is no object`];
    const unsaid = '…' in told ? [] : Object.keys(real).filter((key) => !(key in told));
    const keys = Object.keys(told).filter((key) => key !== '…');
    return [
      ...unsaid.map((key) => `${at}.${key} is not in the page`),
      ...keys.flatMap((key) =>
        key in real
          ? differences(told[key], real[key], `${at}.${key}`)
          : [`${at}.${key} is only in the page`],
      ),
    ];
  }
  if (typeof told !== typeof real) return [`${at} is a ${typeof real}`];
  if (typeof told === 'number' && typeof real === 'number' && at.startsWith('estimate_cost')) {
    return Math.abs(Math.log2(told / real)) < 0.5 ? [] : [`${at}: ${real}`];
  }
  // What a model wrote is its own.
  const isAnswer = /\.(?:content|text)$/.test(at) && !at.startsWith(MESSAGE);
  if (typeof told !== 'string' || typeof real !== 'string' || !told.includes(' ') || isAnswer) return [];
  const [begin = ''] = told.split('…');
  const said = told.includes('…') ? real.slice(0, begin.length) : real;
  return sentence(begin) === sentence(said) ? [] : [`${at}: ${real}`];
}

test('replies are as docs/tools.md has them', async () => {
  const server = await startServer({ argv: ['--sandbox'], sandboxSeconds: 0.4 });
  await cp(path.join(project, 'examples'), path.join(server.work, 'examples'), { recursive: true });
  const api = await startApi({ endsAtOnce: true, results: scripted({ b: ['expired'] }) });
  const failing = await startServer({ api });
  const found: string[] = [];
  /** Makes the call of the page, about the batch that is named, and compares. */
  async function compare(client: TestServer, name: string, batch_id?: string): Promise<Reply> {
    const [args, told] = await documentsOf('docs/tools.md', name);
    const call = isJsonObject(args) && batch_id !== undefined ? { ...args, batch_id } : args;
    const reply = await client.ok(name, call);
    expect(isJsonObject(told), name).toBe(true);
    found.push(...differences(told, reply, name));
    return reply;
  }

  await compare(server, 'estimate_cost');
  const { batch_id } = await compare(server, 'submit_batch');
  await compare(server, 'batch_status', batch_id);
  await compare(server, 'get_results', batch_id);
  await compare(server, 'list_batches');
  const stopped = await server.ok('submit_batch', { requests: ['Stop.'] });
  await compare(server, 'cancel_batch', stopped.batch_id);
  const requests = ['a', 'b'].map((task_id) => ({ task_id, prompt: 'Hi.' }));
  const failed = await failing.ok('submit_batch', { requests });
  await failing.ok('batch_status', { batch_id: failed.batch_id, wait_seconds: 20 });
  await compare(failing, 'retry_batch', failed.batch_id);
  expect(found).toEqual([]);
});

test('files and messages are as docs/results.md and docs/being-told.md have them', async () => {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.close());
  const script = { summary: ['cut' as const], broken: ['invalid' as const] };
  const api = await startApi({ endsAtOnce: true, results: scripted(script) });
  const server = await startServer({ api, env: { BATCH_MCP_NOTIFY: receiver.url } });
  const requests = ['analyze_logs_1', 'summary', 'broken'].map((task_id) => ({ task_id, prompt: 'Hi.' }));
  const output_file = 'answers.json';
  const { batch_id } = await server.ok('submit_batch', { requests, output_file, name: 'reviews' });
  await server.ok('batch_status', { batch_id, wait_seconds: 20 });
  await server.close();

  const [file] = await documentsOf('docs/results.md', '.json');
  const written: unknown = JSON.parse(await readFile(path.join(server.work, output_file), 'utf8'));
  expect(differences(file, written, output_file)).toEqual([]);
  const [message] = await documentsOf('docs/being-told.md', '`BATCH_MCP_NOTIFY`');
  expect(differences(message, receiver.received[0]?.body, MESSAGE)).toEqual([]);
});
