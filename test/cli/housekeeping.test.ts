import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { createContext } from '../../src/config/create-context.ts';
import { removeOld } from '../../src/operations/prune.ts';
import { follow, startApi } from '../api.ts';
import type { PlainHandler } from '../api-answers.ts';
import { startApiServer } from '../api-server.ts';
import { startServer } from '../harness.ts';
import { eachNth, long } from '../long.ts';
import { builtCli, createDesk, type Desk, run } from './run-binary.ts';

const batchesIn = async ({ folder }: Desk) => (await readdir(path.join(folder, 'data/batches'))).sort();

async function deskWithBatches(): Promise<{ desk: Desk; ended: string; running: string }> {
  const desk = await createDesk({ BATCH_MCP_PROVIDER: 'sandbox' });
  const submit = async (name: string, seconds: string) => {
    await writeFile(
      path.join(desk.folder, `${name}.json`),
      JSON.stringify([{ task_id: name, prompt: name }]),
    );
    const env = { ...desk.env, BATCH_MCP_SANDBOX_SECONDS: seconds };
    return JSON.parse((await run({ ...desk, env }, ['submit', `${name}.json`, '--json'])).stdout).batch_id;
  };
  const ended = await submit('ended', '0.1');
  await run(desk, ['wait', ended]);
  return { desk, ended, running: await submit('running', '3600') };
}

describe('prune', () => {
  test('removes nothing that is too young, nor unasked, nor dry', long, async () => {
    const { desk } = await deskWithBatches();
    const before = await batchesIn(desk);
    for (const [args, expected] of [
      [['--older-than-days', '30', '--yes'], 0],
      // Only asked about, and nobody to answer: what comes through a pipe is no answer.
      [['--older-than-days', '1'], 1],
      [['--older-than-days', '1', '--dry-run'], 0],
      // The same work is found by the record for a day at least.
      [['--older-than-days', '0', '--yes'], 2],
    ] as const) {
      const { code } = await run(aged(desk), ['prune', ...args], 'y\n');
      expect(code, args.join(' ')).toBe(expected);
      expect(await batchesIn(desk), args.join(' ')).toEqual(before);
    }
  });

  test('removes what has ended and was downloaded, and never what runs', async () => {
    const { desk, ended, running } = await deskWithBatches();
    const { code, stdout } = await run(aged(desk), ['prune', '--older-than-days', '1', '--yes', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ batches: [{ batch_id: ended }], kept: 1, dry_run: false });
    expect(await batchesIn(desk)).toEqual([running]);
    expect((await run(desk, ['status', ended])).stderr).toContain('not_found');
  });

  test('prints on stdout what a dry run would remove', async () => {
    const { desk, ended } = await deskWithBatches();
    const { stdout } = await run(aged(desk), ['prune', '--older-than-days', '1', '--dry-run']);
    expect(stdout).toMatch(
      new RegExp(`^${ended} [\\s\\S]*^1 batch, \\S+ kB would be removed; 1 stays\\.$`, 'm'),
    );
  });

  test('asked about where nobody can answer, says so in its one document', async () => {
    const { desk } = await deskWithBatches();
    const { code, stdout } = await run(aged(desk), ['prune', '--older-than-days', '1', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'not_allowed' } });
  });

  test('removes no more than was agreed to', async () => {
    const context = await createContext(
      readConfig({ env: (await deskWithBatches()).desk.env, argv: [] }),
      () => {},
    );
    onTestFinished(() => context.close());
    const later = { ...context, now: () => new Date(Date.now() + 2 * 24 * 3_600_000) };
    const { batches, kept } = await removeOld(later, { older_than_days: 1 }, { agreed: new Set() });
    expect({ batches, kept }).toEqual({ batches: [], kept: 2 });
  });

  test('leaves what is damaged, and names it', async () => {
    const { desk, ended, running } = await deskWithBatches();
    await damage(desk, ended);
    const { code, stderr } = await run(aged(desk), ['prune', '--older-than-days', '1', '--yes']);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      new RegExp(`^Note: ${ended} is damaged, .*\nNothing to remove; 2 batches are `, 'm'),
    );
    expect(await batchesIn(desk)).toEqual([ended, running].sort());
  });

  test('keeps what another batch waits for', async () => {
    const api = await startApi();
    const desk = await createDesk({ ANTHROPIC_API_KEY: api.key, ANTHROPIC_BASE_URL: api.url });
    const server = await startServer({ api, folder: desk.folder });
    const { batch_id } = await server.ok('submit_batch', { requests: ['One'] });
    const second = await server.ok('submit_batch', { from_batch: batch_id, prompt: 'Check: {{text}}' });
    api.endAll();
    // It fetches what has ended, and sends nothing.
    const reader = await startServer({ api, folder: desk.folder, argv: ['--read-only'] });
    await follow(reader, batch_id);
    await run(aged(desk), ['prune', '--older-than-days', '1', '--yes']);
    expect(await batchesIn(desk)).toEqual([batch_id, second.batch_id]);
  });
});

/** Cuts the newest revision of a batch's record short, as a failing disk does. */
async function damage({ folder }: Desk, batchId: string): Promise<void> {
  const record = path.join(folder, 'data/batches', batchId, 'record');
  const newest = (await readdir(record)).sort().at(-1) ?? '';
  await rm(path.join(record, newest));
  await writeFile(path.join(record, newest), '{"schema":');
}

/** The same desk two days later. */
function aged(desk: Desk): Desk {
  const later = path.join(import.meta.dirname, 'two-days-later.mjs');
  return { ...desk, env: { ...desk.env, NODE_OPTIONS: `--import ${later}` } };
}

describe('doctor', () => {
  test('finds nothing wrong in the sandbox but the missing key', long, async () => {
    const desk = await createDesk({ BATCH_MCP_PROVIDER: 'sandbox' });
    const { code, stdout } = await run(desk, ['doctor', '--json']);
    expect(code).toBe(1);
    const { findings } = JSON.parse(stdout);
    expect(findings.filter(({ ok }: { ok: boolean }) => !ok)).toMatchObject([{ check: 'key' }]);
  });

  test('finds key, API and clock, and shows no key', async () => {
    const api = await startApiServer({ endsAtOnce: true, models: [{ id: 'claude-haiku-5-5' }] });
    onTestFinished(() => api.close());
    const desk = await createDesk({ ANTHROPIC_API_KEY: api.key, ANTHROPIC_BASE_URL: api.url });
    const { code, stdout, stderr } = await run(desk, ['doctor']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok +key +from ANTHROPIC_API_KEY$/m);
    expect(stdout).toMatch(/^ok +API +http:\/\/.*, 1 models? listed$/m);
    expect(stdout).toMatch(/^ok +clock +\d+ seconds? ahead of the API$/m);
    expect(stdout + stderr).not.toContain(api.key);
  });

  test('tells an API that refuses from one that is not there, and sees a clock that is wrong', async () => {
    const api = await startApiServer({ endsAtOnce: true });
    onTestFinished(() => api.close());
    const desk = await createDesk({ ANTHROPIC_API_KEY: 'sk-ant-another-key', ANTHROPIC_BASE_URL: api.url });
    const { code, stdout } = await run(aged(desk), ['doctor', '--json']);
    expect(code).toBe(1);
    const wrong = JSON.parse(stdout).findings.filter(({ ok }: { ok: boolean }) => !ok);
    expect(wrong).toMatchObject([
      {
        check: 'API',
        found: `${api.url} answers with 401`,
        todo: expect.stringContaining('ANTHROPIC_API_KEY'),
      },
      { check: 'clock', found: expect.stringMatching(/^172,8\d\d seconds ahead of the API$/) },
    ]);
  });

  eachNth<[what: string, env: Record<string, string>, check: string]>(8, [
    ['a key that was copied with quotes', { ANTHROPIC_API_KEY: '“sk-ant-0123456789”' }, 'key'],
    ['a key that a client did not fill in', { ANTHROPIC_API_KEY: '$' + '{ANTHROPIC_API_KEY}' }, 'key'],
    ['a data folder that is a file', { BATCH_MCP_DATA_DIR: builtCli }, 'data folder'],
    [
      'an API that is not there',
      { ANTHROPIC_API_KEY: 'sk-ant-0123456789', ANTHROPIC_BASE_URL: 'http://127.0.0.1:9' },
      'API',
    ],
    ['an allowed folder that is not there', { BATCH_MCP_ALLOWED_DIRS: '/none/such' }, 'allowed folders'],
    ['an allowed folder that is a file', { BATCH_MCP_ALLOWED_DIRS: builtCli }, 'allowed folders'],
    [
      'a data folder that cannot be made',
      { BATCH_MCP_DATA_DIR: '/proc/none', BATCH_MCP_PROVIDER: 'sandbox' },
      'data folder',
    ],
  ])('says what to do about %s', async (_name, env, check) => {
    const { code, stdout } = await run(await createDesk(env), ['doctor', '--json']);
    expect(code).toBe(1);
    const finding = JSON.parse(stdout).findings.find((each: { check: string }) => each.check === check);
    expect(finding).toMatchObject({ ok: false, todo: expect.stringMatching(/\S+ \S+/) });
  });

  test.each<[notify: string, finding: object]>([
    ['no-such-program', { ok: false, todo: expect.stringContaining('in the folders of PATH') }],
    ['./tell', { ok: false, todo: expect.stringContaining('chmod +x') }],
    ['["./none", "a batch"]', { ok: false, todo: expect.stringContaining('there is no such program') }],
    ['~/told', { ok: true }],
    ['["node", "tell.mjs"]', { ok: true, found: 'node' }],
    ['https://hooks.example.com/T012/B345secret6789', { ok: true, found: 'an address, not tried' }],
  ])('looks for the program that is told of an end: %s', async (notify, finding) => {
    const desk = await createDesk({ BATCH_MCP_PROVIDER: 'sandbox', BATCH_MCP_NOTIFY: notify });
    await writeFile(path.join(desk.folder, 'tell'), '#!/bin/sh\n', { mode: 0o600 });
    await writeFile(path.join(desk.folder, 'told'), '#!/bin/sh\n', { mode: 0o700 });
    const { findings } = JSON.parse((await run(desk, ['doctor', '--json'])).stdout);
    expect(findings.find(({ check }: { check: string }) => check === 'notify')).toMatchObject(finding);
  });

  test('names what is damaged, what is unfinished and what was not sent', async () => {
    const { desk, ended, running } = await deskWithBatches();
    const whole = JSON.parse((await run(desk, ['doctor', '--json'])).stdout).findings.at(-1);
    expect(whole).toMatchObject({
      ok: true,
      found: '2, 1 unfinished',
      todo: `Follow it: batch-mcp wait ${running}`,
    });
    await damage(desk, ended);
    const { code, stdout } = await run(desk, ['doctor']);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      new RegExp(
        `^!! +batches +1, 1 unfinished, 1 that can't be read\n +${ended} is damaged, .*\n +Follow it: `,
        'm',
      ),
    );
  });

  eachNth<[what: string, answer: PlainHandler, says: RegExp]>(2, [
    ['a page', page, /What answers at 127\.0\.0\.1:\d+ is not a Message Batches API/],
    ['another address', elsewhere, /redirects elsewhere \(302\), to login\.example\.com.*ANTHROPIC_BASE_URL/],
  ])('where the API should be and %s is, names the setting', async (_what, answer, says) => {
    const api = await startApiServer();
    onTestFinished(() => api.close());
    for (const route of ['models', 'list'] as const) api.override(route, answer);
    const desk = await createDesk({ ANTHROPIC_API_KEY: api.key, ANTHROPIC_BASE_URL: api.url });
    const { findings } = JSON.parse((await run(desk, ['doctor', '--json'])).stdout);
    expect(findings.find(({ check }: { check: string }) => check === 'API').todo).toMatch(says);
  });

  eachNth<[variable: string]>(2, [['ALL_PROXY'], ['https_proxy'], ['NO_PROXY']])(
    'names %s where it is set',
    async (variable) => {
      const desk = await createDesk({ BATCH_MCP_PROVIDER: 'sandbox', [variable]: 'http://127.0.0.1:9' });
      const { findings } = JSON.parse((await run(desk, ['doctor', '--json'])).stdout);
      expect(findings).toContainEqual({ check: 'proxy', ok: true, found: `from ${variable}` });
    },
  );
});

const page: PlainHandler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/html' });
  response.end('<html>Log in</html>');
};
const elsewhere: PlainHandler = (_request, response) => {
  response.writeHead(302, { location: 'https://login.example.com/' });
  response.end();
};
