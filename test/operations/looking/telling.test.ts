import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { endedBatch, follow, isSaved, startApi, startCheckedServer } from '../../api.ts';
import { type TestServer, temporaryFolder } from '../../harness.ts';
import { eachNth, long } from '../../long.ts';
import { type Receiver, startReceiver } from '../../receiver.ts';
import { scripted } from '../../retry.ts';

async function receiver(answer?: Parameters<typeof startReceiver>[0]): Promise<Receiver> {
  const started = await startReceiver(answer);
  onTestFinished(() => started.close());
  return started;
}

const requests = [{ task_id: 'a', prompt: 'Hi.' }];

/** What the audit log says of telling. */
async function audited({ data }: TestServer): Promise<Record<string, unknown>[]> {
  const text = await readFile(path.join(data, 'audit.jsonl'), 'utf8');
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => z.record(z.string(), z.unknown()).parse(JSON.parse(line)));
  return lines.filter(({ tool }) => tool === 'notify');
}

describe('BATCH_MCP_NOTIFY', () => {
  it('is posted once what was asked for is written, without content, and never again', async () => {
    const { url, received } = await receiver();
    const env = {
      BATCH_MCP_NOTIFY: url,
      BATCH_MCP_NOTIFY_HEADERS: JSON.stringify({ Authorization: 'Bearer a-token-of-theirs' }),
    };
    const { server, batch_id } = await endedBatch(requests, undefined, {
      server: { env },
      submit: { name: 'reviews', output_file: 'all.jsonl' },
    });
    for (let look = 0; look < 3; look += 1) await follow(server, batch_id);
    await server.close();
    const file = path.join(server.work, 'all.jsonl');
    expect(received).toHaveLength(1);
    expect(received[0]?.headers).toMatchObject({
      authorization: 'Bearer a-token-of-theirs',
      'content-type': 'application/json',
    });
    expect(received[0]?.body).toMatchObject({
      event: 'batch_ended',
      text: expect.stringMatching(
        /^Batch "reviews" has ended: 1 of 1 task succeeded\. It cost \$.*\. Written: /,
      ),
      batch_id,
      name: 'reviews',
      provider: 'anthropic',
      request_count: 1,
      outcomes: { succeeded: 1, errored: 0 },
      cost_usd: expect.any(Number),
      output_files: [file],
      ended_at: expect.any(String),
    });
    expect(JSON.stringify(received[0]?.body)).not.toContain('Hi.');
    expect(await audited(server)).toMatchObject([{ outcome: 'done', batch_id }]);
  });

  it('says that a sandbox batch is one, and names no dollars', async () => {
    const { url, received } = await receiver();
    const server = await startCheckedServer({ argv: ['--sandbox', '--notify', url] });
    const { batch_id } = await server.ok('submit_batch', { requests });
    await follow(server, batch_id);
    await expect.poll(() => received.length).toBe(1);
    expect(received[0]?.body).toMatchObject({ provider: 'sandbox', cost_usd: null });
    expect(received[0]?.body.text).toMatch(/sandbox batch.*made up/);
  });

  it('waits for retries that were asked for, and is told of a retry by hand too', long, async () => {
    const { url, received } = await receiver();
    const api = await startApi({ results: scripted({ a: ['expired', 'expired', 'ok'] }) });
    const server = await startCheckedServer({ api, env: { BATCH_MCP_NOTIFY: url } });
    const { batch_id } = await server.ok('submit_batch', { requests, retries: 1 });
    const toTheEnd = (attempts: number) =>
      follow(server, batch_id, (status) => {
        api.endAll();
        return isSaved(status) && api.creates.length === attempts;
      });
    await toTheEnd(2);
    await expect.poll(() => received.length).toBe(1);
    expect(received[0]?.body.outcomes).toMatchObject({ succeeded: 0, expired: 1 });
    await server.ok('retry_batch', { batch_id });
    await toTheEnd(3);
    await expect.poll(() => received.length).toBe(2);
    expect(received[1]?.body.outcomes).toMatchObject({ succeeded: 1, expired: 0 });
  });

  it('is told of no end that is more than a day old', async () => {
    const { url, received } = await receiver();
    const folder = await temporaryFolder();
    const before = await startCheckedServer({ folder, argv: ['--sandbox'] });
    const { batch_id } = await before.ok('submit_batch', { requests });
    await follow(before, batch_id);
    await before.close();
    const twoDaysLater = () => new Date(Date.now() + 48 * 3600 * 1000);
    const later = await startCheckedServer({
      folder,
      argv: ['--sandbox', '--notify', url],
      now: twoDaysLater,
    });
    await follow(later, batch_id);
    await later.close();
    expect(received).toEqual([]);
  });

  it('runs a command as it is given, with the facts and without our keys', async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'told.json');
    const script = `require('fs').writeFileSync(process.argv[1], JSON.stringify({ args: process.argv.slice(2), env: process.env }))`;
    const command = [process.execPath, '-e', script, file, 'two words', '$HOME; exit 1'];
    const server = await startCheckedServer({
      folder,
      argv: ['--sandbox'],
      env: { BATCH_MCP_NOTIFY: JSON.stringify(command) },
    });
    process.env.ANTHROPIC_TEST_KEY = 'a-secret';
    onTestFinished(() => void delete process.env.ANTHROPIC_TEST_KEY);
    const { batch_id } = await server.ok('submit_batch', { requests, name: 'reviews' });
    await follow(server, batch_id);
    await server.close();
    const { args, env } = JSON.parse(await readFile(file, 'utf8'));
    expect(args).toEqual(['two words', '$HOME; exit 1']);
    expect(env).toMatchObject({
      BATCH_ID: batch_id,
      BATCH_NAME: 'reviews',
      BATCH_PROVIDER: 'sandbox',
      BATCH_TASKS: '1',
      BATCH_SUCCEEDED: '1',
      BATCH_COST_USD: '',
      BATCH_FILES: '',
      BATCH_TEXT: expect.stringContaining('has ended'),
    });
    expect(JSON.stringify(env)).not.toContain('a-secret');
    expect(await audited(server)).toMatchObject([{ outcome: 'done' }]);
  });

  eachNth<[what: string, target: (url: string) => string, problem: RegExp]>(6, [
    ['an answer that is none of success', (url) => url, /^answered with 503$/],
    ['a program that does not exist', () => '/no/such/program', /^there is no such program/],
    ['a program that fails', () => JSON.stringify([process.execPath, '-e', 'process.exit(3)']), /code 3/],
    ['an address that nobody listens at', () => 'http://127.0.0.1:1/', /^no connection \(ECONNREFUSED\)$/],
  ])('%s harms nothing and stands in the audit log', async (_, target, problem) => {
    const { url, received } = await receiver((__, response) => {
      response.statusCode = 503;
      response.end();
    });
    const server = await startCheckedServer({ argv: ['--sandbox', '--notify', target(url)] });
    const { batch_id } = await server.ok('submit_batch', { requests });
    await follow(server, batch_id);
    await follow(server, batch_id);
    await server.close();
    expect(received.length).toBeLessThanOrEqual(1);
    expect(await audited(server)).toMatchObject([
      { outcome: 'failed', problem: expect.stringMatching(problem), batch_id },
    ]);
  });
});
