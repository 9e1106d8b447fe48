import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cp,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { BatchError } from '../../src/errors.ts';
import type { Register, Store } from '../../src/store/store.ts';
import { follow, prompts, startApi } from '../api.ts';
import { type ApiRequest, type ApiServer, apiError, errored, json, reset, succeeded } from '../api-server.ts';
import { type Reply, spawnServer, startServer, type TestServer, temporaryFolder } from '../harness.ts';
import { eachNth, eachNthOf, long } from '../long.ts';

const tasks = (...ids: string[]) => ({ requests: prompts(ids) });

const ended = { endsAtOnce: true };
const endedLong = {
  endsAtOnce: true,
  results: (requests: ApiRequest[]) =>
    requests.map((each) => succeeded(each, `answer ${each.custom_id}${' '.repeat(50_000)}`)),
};

async function saved(server: TestServer, work: object): Promise<string> {
  const { batch_id } = await server.ok('submit_batch', work);
  await server.ok('get_results', { batch_id });
  return batch_id;
}

async function expectAnswers(server: TestServer, batchId: string, ids: string[]) {
  const { results } = await server.ok('get_results', { batch_id: batchId });
  expect(results.map((each: Reply) => [each.task_id, each.text.trim()])).toEqual(
    ids.map((id) => [id, `answer ${id}`]),
  );
}

/** All that lies in a folder: names, and what the files hold. */
async function contentOf(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const file = path.join(entry.parentPath, entry.name);
    found[file] = entry.isFile()
      ? createHash('sha256')
          .update(await readFile(file))
          .digest('hex')
      : entry.isDirectory()
        ? 'a folder'
        : 'something else';
  }
  return found;
}

/** The file of a register's newest revision. */
async function newest(register: string): Promise<string> {
  const names = await readdir(register);
  return path.join(register, names.sort().at(-1) ?? '');
}

/** The registers of submissions that name a batch. */
async function registersOf(data: string, batchId: string): Promise<string[]> {
  const folder = path.join(data, 'submissions');
  const found: string[] = [];
  for (const hash of await readdir(folder)) {
    const register = path.join(folder, hash);
    if ((await readFile(await newest(register), 'utf8')).includes(batchId)) found.push(register);
  }
  return found;
}

async function change(file: string, how: (text: string) => string) {
  await writeFile(file, how(await readFile(file, 'utf8')));
}

async function replaceBy(file: string, make: (file: string) => unknown) {
  await rm(file, { recursive: true });
  await make(file);
}

type Damage = [name: string, damage: (batchFolder: string) => Promise<unknown>];

const inRecord = (name: string, damage: (file: string) => Promise<unknown>): Damage => [
  name,
  async (folder) => damage(await newest(path.join(folder, 'record'))),
];

const partWith =
  (wrong: (part: Reply) => object) =>
  ([first = {}, ...others]: Reply[]) => ({ parts: [{ ...first, ...wrong(first) }, ...others] });

/** What the schema of a record allows, and nobody wrote. */
const wrongValues: [name: string, wrong: (parts: Reply[]) => object][] = [
  [
    'of answers that it never had',
    partWith(({ progress }) => {
      const results = { ...progress.results, outcomes: { ...progress.results.outcomes, errored: 2 } };
      return { progress: { ...progress, results } };
    }),
  ],
  [
    'of another batch of the API',
    partWith(({ progress }) => ({ progress: { ...progress, provider_batch_id: 'msgbatch_x' } })),
  ],
  ['set back to before it was sent', partWith(() => ({ progress: { state: 'prepared' } }))],
  ['of one task more', partWith(({ request_count }) => ({ request_count: request_count + 1 }))],
  ['made in 1999', () => ({ created_at: '1999-01-01T00:00:00.000Z' })],
  ['made in 2099', () => ({ created_at: '2099-01-01T00:00:00.000Z' })],
  ['of other work', () => ({ content_hash: '0'.repeat(64) })],
];

const recordDamages: Damage[] = [
  inRecord('empty', (file) => truncate(file)),
  inRecord('cut short', (file) => truncate(file, 100)),
  inRecord('foreign JSON', (file) => writeFile(file, '{"hello": ["world"]}')),
  inRecord('a list', (file) => writeFile(file, '[]')),
  inRecord('binary', (file) => writeFile(file, Buffer.from([0, 255, 254, 1]))),
  inRecord('without one field', (file) => change(file, (text) => text.replace('"owner"', '"owned"'))),
  inRecord('with a time that is none', (file) =>
    change(file, (text) => text.replace(/("expires_at":"\d{4}-\d{2}-\d{2})T/, '$1x')),
  ),
  inRecord('without a part', (file) => change(file, (text) => text.replace(/"parts":\[.*\]/, '"parts":[]'))),
  inRecord('with the mark of another request', (file) =>
    change(file, (text) => text.replace(/"own":"[^"]*"/, '"own":"z"')),
  ),
  inRecord('that of another batch', (file) =>
    change(file, (text) => text.replace(/batch_[0-9A-Z]{26}/, 'batch_01ARZ3NDEKTSV4RRFFQ69G5FAV')),
  ),
  ...wrongValues.map(([name, wrong]) =>
    inRecord(name, (file) =>
      change(file, (text) => {
        const revision = JSON.parse(text);
        const { parts, ...rest } = revision.value;
        return `${JSON.stringify({ ...revision, value: { ...rest, parts, ...wrong(parts) } })}\n`;
      }),
    ),
  ),
  inRecord('an older one under a later number', (file) =>
    cp(file.replace(/\d+\.json$/, '00000001.json'), file),
  ),
  inRecord('a folder', (file) => replaceBy(file, (at) => mkdir(at))),
  inRecord('a link', (file) => replaceBy(file, (at) => symlink('/etc/passwd', at))),
  inRecord('a pipe', (file) => replaceBy(file, (at) => execFileSync('mkfifo', [at]))),
  [
    'in a folder that is a file',
    (folder) => replaceBy(path.join(folder, 'record'), (at) => writeFile(at, 'x')),
  ],
  ['gone', (folder) => rm(path.join(folder, 'record'), { recursive: true })],
  ['a folder without a revision', (folder) => replaceBy(path.join(folder, 'record'), (at) => mkdir(at))],
  [
    'behind a link that leads in a circle',
    (folder) => replaceBy(path.join(folder, 'record'), (at) => symlink(at, at)),
  ],
];

describe('a record that is', () => {
  eachNth(36, recordDamages)('%s harms its own batch only', async (_name, damage) => {
    const api = await startApi(ended);
    const folder = await temporaryFolder();
    const before = await startServer({ api, folder });
    const sound = await saved(before, tasks('a', 'b'));
    const broken = await saved(before, tasks('c', 'd'));
    const brokenFolder = path.join(before.data, 'batches', broken);
    await damage(brokenFolder);
    const asFound = await contentOf(brokenFolder);
    const server = await startServer({ api, folder });

    const list = await server.ok('list_batches');
    expect(list.batches.map(({ batch_id }: Reply) => batch_id)).toEqual([sound]);
    const told = list.warnings.find((warning: string) => warning.startsWith(broken));
    expect(told).toMatch(/is damaged|can't be read/);
    expect(told).toContain(path.join(brokenFolder, 'record'));
    expect(told).toMatch(/restore it|move it away|remove it|try again/);
    await expectAnswers(server, sound, ['a', 'b']);
    const unread = path.join(brokenFolder, 'record');
    for (const tool of ['batch_status', 'get_results', 'cancel_batch']) {
      const refusal = await server.fails(tool, { batch_id: broken });
      expect(refusal).toMatch(/^store_damaged: .* left as it (is|was)|^store_failed: .* \(ELOOP\)/);
      expect(refusal).toContain(unread);
    }
    // What it may have paid for is not bought again, but by the person's word.
    expect(await server.fails('submit_batch', tasks('c', 'd'))).toMatch(/^store_(damaged|failed)/);
    expect(api.batches).toHaveLength(2);
    expect(await saved(server, tasks('e'))).toMatch(/^batch_/);
    expect(await saved(server, { ...tasks('c', 'd'), force_new: true })).not.toBe(broken);
    expect(api.batches).toHaveLength(4);

    await server.close();
    expect(await contentOf(brokenFolder)).toEqual(asFound);
  });

  it('damaged is told on stderr, without what it holds', async () => {
    const api = await startApi(ended);
    const folder = await temporaryFolder();
    const before = await startServer({ api, folder });
    const broken = await saved(before, tasks('a'));
    const file = await newest(path.join(before.data, 'batches', broken, 'record'));
    await writeFile(file, '{"schema": 1, "hidden": "words of a person"}');
    const server = await spawnServer({ folder });
    expect((await server.ok('list_batches')).next_step).toMatch(/^No batch is listed: the warnings say/);
    expect(server.stderr()).toContain(`warn ${file} can't be read`);
    expect(server.stderr()).not.toContain('words of a person');
  });
});

const whole: Damage[] = [
  ['results index that is missing', (folder) => rm(path.join(folder, 'part-0001.results.idx'))],
  ['results index that is empty', (folder) => truncate(path.join(folder, 'part-0001.results.idx'))],
  ['results index cut short', (folder) => truncate(path.join(folder, 'part-0001.results.idx'), 30)],
  [
    'results index of garbage',
    (folder) => writeFile(path.join(folder, 'part-0001.results.idx'), 'x'.repeat(74)),
  ],
  ['tasks index that is missing', (folder) => rm(path.join(folder, 'tasks.idx'))],
  ['tasks index of garbage', (folder) => writeFile(path.join(folder, 'tasks.idx'), 'x'.repeat(90))],
  ['request body that is missing', (folder) => rm(path.join(folder, 'part-0001.requests.json'))],
];

const firstLine = (text: string) => text.slice(0, text.indexOf('\n') + 1);
const oneLineMore = (text: string) => text + firstLine(text);

const broken: Damage[] = [
  [
    'folder in the place of the results index',
    (folder) => replaceBy(path.join(folder, 'part-0001.results.idx'), (at) => mkdir(at)),
  ],
  ['tasks file that is missing', (folder) => rm(path.join(folder, 'tasks.jsonl'))],
  ['tasks file cut short', (folder) => truncate(path.join(folder, 'tasks.jsonl'), 20)],
  [
    'tasks file of garbage',
    (folder) => change(path.join(folder, 'tasks.jsonl'), (text) => 'x'.repeat(text.length)),
  ],
  ['tasks file cut at the end of a line', (folder) => change(path.join(folder, 'tasks.jsonl'), firstLine)],
  ['tasks file of one task more', (folder) => change(path.join(folder, 'tasks.jsonl'), oneLineMore)],
  [
    'tasks file cut at the end of a line, its index gone',
    async (folder) => {
      await change(path.join(folder, 'tasks.jsonl'), firstLine);
      await rm(path.join(folder, 'tasks.idx'));
    },
  ],
  [
    'folder in the place of the results file',
    (folder) => replaceBy(path.join(folder, 'part-0001.results.jsonl'), (at) => mkdir(at)),
  ],
];

const spoilt: Damage[] = [
  [
    'results file cut at the end of a line',
    (folder) => change(path.join(folder, 'part-0001.results.jsonl'), firstLine),
  ],
  [
    'results file of one line more',
    (folder) => change(path.join(folder, 'part-0001.results.jsonl'), oneLineMore),
  ],
  ['results file cut short', (folder) => truncate(path.join(folder, 'part-0001.results.jsonl'), 100)],
  [
    'results file cut short, its index gone',
    async (folder) => {
      await truncate(path.join(folder, 'part-0001.results.jsonl'), 100);
      await rm(path.join(folder, 'part-0001.results.idx'));
    },
  ],
  ['results file that is empty', (folder) => truncate(path.join(folder, 'part-0001.results.jsonl'))],
  [
    'results file of zeros',
    (folder) => change(path.join(folder, 'part-0001.results.jsonl'), (text) => '\0'.repeat(text.length)),
  ],
  [
    'results file with one letter changed',
    (folder) =>
      change(path.join(folder, 'part-0001.results.jsonl'), (text) => text.replace('answer c', 'answer e')),
  ],
  [
    'results file with two answers exchanged, its index gone',
    async (folder) => {
      await change(path.join(folder, 'part-0001.results.jsonl'), (text) =>
        text.replace('answer c', 'answer x').replace('answer d', 'answer c').replace('answer x', 'answer d'),
      );
      await rm(path.join(folder, 'part-0001.results.idx'));
    },
  ],
];

describe('a batch with a', () => {
  eachNth(10, whole)('%s is whole all the same', async (_name, damage) => {
    const api = await startApi(ended);
    const folder = await temporaryFolder();
    const before = await startServer({ api, folder });
    const batchId = await saved(before, tasks('a', 'b'));
    await damage(path.join(before.data, 'batches', batchId));
    for (let start = 0; start < 2; start += 1) {
      await expectAnswers(await startServer({ api, folder }), batchId, ['a', 'b']);
    }
  });

  eachNth(9, broken)('%s says so, and no other is concerned', async (_name, damage) => {
    const api = await startApi(ended);
    const folder = await temporaryFolder();
    const before = await startServer({ api, folder });
    const sound = await saved(before, tasks('a', 'b'));
    const batchId = await saved(before, tasks('c', 'd'));
    const brokenFolder = path.join(before.data, 'batches', batchId);
    await damage(brokenFolder);
    const asFound = await contentOf(brokenFolder);
    const server = await startServer({ api, folder });
    const refusal = await server.fails('get_results', { batch_id: batchId });
    expect(refusal).toMatch(/^store_(damaged|failed): /);
    expect(refusal).toContain(brokenFolder);
    expect(await server.fails('get_results', { batch_id: batchId, output_file: 'out.json' })).toMatch(
      /^store_/,
    );
    expect(await readdir(server.work)).toEqual([]);
    expect((await server.ok('batch_status', { batch_id: batchId })).processing_status).toBe('ended');
    expect((await server.ok('list_batches')).batches).toHaveLength(2);
    await expectAnswers(server, sound, ['a', 'b']);
    expect(await contentOf(brokenFolder)).toEqual(asFound);
    expect(api.creates).toHaveLength(2);
  });

  eachNth(8, spoilt)('%s has it fetched again, which leaves it as it is', async (_name, damage) => {
    const api = await startApi(ended);
    const folder = await temporaryFolder();
    const before = await startServer({ api, folder });
    const batchId = await saved(before, tasks('c', 'd'));
    const file = path.join(before.data, 'batches', batchId, 'part-0001.results.jsonl');
    await damage(path.dirname(file));
    const asFound = await readFile(file);
    const fetched = api.asked('results');
    for (let start = 0; start < 2; start += 1) {
      const server = await startServer({ api, folder });
      expect((await server.ok('batch_status', { batch_id: batchId })).outcomes.succeeded).toBe(2);
      await expectAnswers(server, batchId, ['c', 'd']);
    }
    expect(api.asked('results')).toBe(fetched + 1);
    expect(await readFile(file)).toEqual(asFound);
  });

  eachNth<[when: string, time: (before: Date) => Date]>(2, [
    ['as if it were of old', (before) => before],
    ['a minute later', (before) => new Date(before.getTime() + 60_000)],
  ])('results file of 20 MB with one letter changed, %s, has it fetched again', async (_when, time) => {
    const long = (each: ApiRequest) => succeeded(each, `answer ${each.custom_id}${' '.repeat(10_000_000)}`);
    const api = await startApi({ endsAtOnce: true, results: (requests) => requests.map(long) });
    const folder = await temporaryFolder();
    const server = await startServer({ api, folder });
    const batchId = await saved(server, tasks('c', 'd'));
    const file = path.join(server.data, 'batches', batchId, 'part-0001.results.jsonl');
    const fetched = api.asked('results');
    await expectAnswers(server, batchId, ['c', 'd']);
    const { mtime } = await stat(file);
    const at = (await readFile(file)).indexOf('answer c');
    const handle = await open(file, 'r+');
    await handle.write('answer e', at);
    await handle.close();
    await utimes(file, time(mtime), time(mtime));
    await expectAnswers(server, batchId, ['c', 'd']);
    await expectAnswers(await startServer({ api, folder }), batchId, ['c', 'd']);
    expect(api.asked('results')).toBe(fetched + 1);
  });

  // Of what the API has no more the rest is worth keeping, or a backup of the file.
  eachNth(2, [
    ['cut short', true, (text: string) => text.slice(0, 100)],
    ['with one letter changed', false, (text: string) => text.replace('answer c', 'answer e')],
    ['of another batch', true, (text: string) => text.replace(/(?<=d_mark_).{20}/, 'x'.repeat(20))],
  ])('results file %s stays what is read once the API has dropped it', async (_name, isRefused, how) => {
    const api = await startApi(ended);
    const folder = await temporaryFolder();
    const before = await startServer({ api, folder });
    const batch_id = await saved(before, tasks('c', 'd'));
    const file = path.join(before.data, 'batches', batch_id, 'part-0001.results.jsonl');
    const asWritten = await readFile(file, 'utf8');
    await writeFile(file, how(asWritten));
    api.override('retrieve', json(404, apiError('not_found_error', 'No batch found')));
    const server = await startServer({ api, folder });
    const { isError, text } = await server.call('get_results', { batch_id });
    expect(isError).toBe(isRefused);
    expect(text).toContain(isRefused ? 'store_damaged' : 'answer e');
    const { warnings } = await server.ok('batch_status', { batch_id });
    expect(warnings.join(' ')).toContain(`${file} is not what was written there`);
    await writeFile(file, asWritten);
    await expectAnswers(await startServer({ api, folder }), batch_id, ['c', 'd']);
  });
});

it('the body of a part and the schemas of its answers are held against what was asked for', async () => {
  const output_schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] };
  const api = await startApi({
    endsAtOnce: true,
    results: (requests) =>
      requests.map((each) => succeeded(each, each.custom_id === 'a' ? '{"a":"b"}' : '{}')),
  });
  const server = await startServer({ api });
  const { batch_id } = await server.ok('submit_batch', { ...tasks('a', 'b'), output_schema });
  const inFolder = (name: string) => path.join(server.data, 'batches', batch_id, name);
  const [schemas, body] = [inFolder('schemas.jsonl'), inFolder('part-0001.requests.json')];
  const kept = await readFile(schemas, 'utf8');
  for (const damage of ['', kept.replaceAll('required', 'requires')]) {
    await writeFile(schemas, damage);
    const { warnings } = await server.ok('get_results', { batch_id });
    expect(warnings.join(' ')).toContain(schemas);
  }
  await writeFile(schemas, kept);
  const { results } = await server.ok('get_results', { batch_id });
  expect(results.map(({ outcome }: Reply) => outcome)).toEqual(['succeeded', 'incomplete']);

  const sent = await readFile(body, 'utf8');
  for (const other of [sent.slice(0, -1), sent.replace('"max_tokens":', '"max_tokenz":')]) {
    await writeFile(body, other);
    const refusal = await server.fails('retry_batch', { batch_id });
    expect(refusal).toMatch(/^store_damaged: /);
    expect(refusal).toContain(body);
  }
  expect(api.creates).toHaveLength(1);
});

describe('another register', () => {
  it('of a submission that was exchanged for that of other work answers for neither', async () => {
    const api = await startApi(ended);
    const server = await startServer({ api });
    const ids = [await saved(server, tasks('a')), await saved(server, tasks('b'))];
    const [[one = ''], [two = '']] = [
      await registersOf(server.data, ids[0] ?? ''),
      await registersOf(server.data, ids[1] ?? ''),
    ];
    await rename(one, `${one}.kept`);
    await rename(two, one);
    await rename(`${one}.kept`, two);
    for (const [nth, id] of ['a', 'b'].entries()) {
      const again = await server.ok('submit_batch', tasks(id));
      expect(again).toMatchObject({ batch_id: ids[nth], duplicate: true });
    }
    expect(api.creates).toHaveLength(2);
  });

  eachNthOf(2, ['that can be read', 'that can not'])(
    'of a submission loses no work: beside a record %s',
    async (record) => {
      const api = await startApi(ended);
      const server = await startServer({ api });
      const batchId = await saved(server, tasks('a'));
      const [hash = ''] = await readdir(path.join(server.data, 'submissions'));
      await truncate(await newest(path.join(server.data, 'submissions', hash)));
      if (record === 'that can be read') {
        const again = await server.ok('submit_batch', tasks('a'));
        expect(again).toMatchObject({ batch_id: batchId, duplicate: true });
        await expectAnswers(server, batchId, ['a']);
      } else {
        await truncate(await newest(path.join(server.data, 'batches', batchId, 'record')));
        expect(await server.fails('submit_batch', tasks('a'))).toMatch(/^store_damaged/);
      }
      expect(await saved(server, tasks('b'))).toMatch(/^batch_/);
      expect(api.batches).toHaveLength(2);
    },
  );

  eachNth(36, recordDamages)(
    'that is gone, of a submission whose record is %s, leaves its work to a person alone',
    async (_name, damage) => {
      const api = await startApi(ended);
      const folder = await temporaryFolder();
      const before = await startServer({ api, folder });
      const adopted = api.make(['x']);
      api.endAll();
      const other = (await follow(before, adopted)).batch_id;
      const batchId = await saved(before, tasks('a', 'b'));
      await saved(before, tasks('c'));
      const [first = ''] = await registersOf(before.data, batchId);
      await damage(path.join(before.data, 'batches', batchId));
      await damage(path.join(before.data, 'batches', other));
      await rm(first, { recursive: true });
      for (const server of [before, await startServer({ api, folder })]) {
        const refusal = await server.fails('submit_batch', tasks('a', 'b'));
        expect(refusal).toMatch(/^store_(damaged|failed): .*force_new: true/);
        expect(refusal).toContain(batchId);
        expect(refusal).toContain(path.join(before.data, 'batches', batchId, 'record'));
        expect((await server.ok('submit_batch', tasks('c'))).duplicate).toBe(true);
      }
      expect(api.creates).toHaveLength(2);
      await saved(before, { ...tasks('a', 'b'), force_new: true });
      expect(api.creates).toHaveLength(3);
    },
  );

  it('and a record of other work keep no new work from being sent', async () => {
    const api = await startApi(ended);
    const server = await startServer({ api });
    const batchId = await saved(server, tasks('a', 'b'));
    const [register = ''] = await registersOf(server.data, batchId);
    await truncate(await newest(path.join(server.data, 'batches', batchId, 'record')));
    await rm(register, { recursive: true });
    // It held it before: other work it can't be.
    await saved(server, tasks('c'));
    expect(await server.fails('submit_batch', tasks('a', 'b'))).toMatch(/^store_damaged/);
    expect(api.creates).toHaveLength(2);
  });

  it('of the budget keeps real work from being sent, says where, and no sandbox work', async () => {
    const api = await startApi(ended);
    const server = await startServer({ api });
    const batchId = await saved(server, tasks('a'));
    const [day = ''] = await readdir(path.join(server.data, 'budget'));
    const file = await newest(path.join(server.data, 'budget', day));
    const asWritten = await readFile(file, 'utf8');
    for (const damage of ['{}', asWritten.replace(/"usd":[\d.]+/, '"usd":0')]) {
      await writeFile(file, damage);
      expect(await server.fails('submit_batch', tasks('b'))).toContain(file);
    }
    expect((await server.ok('submit_batch', { ...tasks('b'), sandbox: true })).provider).toBe('sandbox');
    await expectAnswers(server, batchId, ['a']);
    expect(api.batches).toHaveLength(1);
  });

  eachNth<[what: string, damage: (file: string) => Promise<void>]>(6, [
    ['gone', (file: string) => rm(path.dirname(file), { recursive: true })],
    [
      'given back',
      (file: string) => change(file, (text) => text.replace(/"owner":\{[^}]*\}/, '"owner":null')),
    ],
    [
      'of a batch that is not there',
      (file: string) => change(file, (text) => text.replace(/batch_[0-9A-Z]{26}/, `batch_${'0'.repeat(26)}`)),
    ],
    ['of no batch', (file: string) => change(file, (text) => text.replace(/batch_[0-9A-Z]{26}/, '?'))],
    ['of another part', (file: string) => change(file, (text) => text.replace('"part":1', '"part":2'))],
  ])('of a claim that is %s lets no part go that took its batch for its own', async (_what, damage) => {
    const api = await startApi();
    const env = { BATCH_MCP_SETTLE_SECONDS: '0.05' };
    const folder = await temporaryFolder();
    const before = await startServer({ api, folder, env });
    api.override('create', reset, { times: 1, after: true });
    const { batch_id } = await before.ok('submit_batch', tasks('a', 'b'));
    await follow(before, batch_id, ({ parts }) => parts[0].provider_batch_id !== null);
    const id = api.batches[0]?.id ?? '';
    await damage(await newest(path.join(before.data, 'claims', id)));
    const server = await startServer({ api, folder, env });
    for (let look = 0; look < 3; look += 1) await follow(server, batch_id, ({ progress }) => !progress);
    api.endAll();
    await follow(server, batch_id);
    await expectAnswers(server, batch_id, ['a', 'b']);
    expect(api.creates).toHaveLength(1);
  });

  it('of a written file keeps only that file from being overwritten', async () => {
    const server = await startServer({ api: await startApi(ended) });
    const batch_id = await saved(server, tasks('a'));
    await server.ok('get_results', { batch_id, output_file: 'one.json' });
    const [name = ''] = await readdir(path.join(server.data, 'written-files'));
    await truncate(await newest(path.join(server.data, 'written-files', name)));
    const over = { batch_id, overwrite: true };
    expect(await server.fails('get_results', { ...over, output_file: 'one.json' })).toMatch(/^store_damaged/);
    await server.ok('get_results', { ...over, output_file: 'two.json' });
    await server.ok('get_results', { ...over, output_file: 'two.json' });
  });
});

type Filling = 'record' | 'claim' | 'submission' | 'budget' | 'shared' | 'register' | 'commit';

/** A store whose disk is full at the n-th change of a kind, and again at all later ones until it is freed. */
function fillingUp(kind: Filling, nth: number) {
  let changes = 0;
  let freed = false;
  const write = async <T>(work: () => Promise<T>): Promise<T> => {
    changes += 1;
    if (changes < nth || freed) return work();
    throw new BatchError('store_failed', 'Could not write (ENOSPC). The disk is full: make room.');
  };
  const full = <T>(register: Register<T>): Register<T> => ({
    ...register,
    update: (by) => write(() => register.update(by)),
  });
  const store = (real: Store): Store => {
    if (kind === 'record') return { ...real, record: (id) => full(real.record(id)) };
    if (kind === 'claim') return { ...real, claim: (id) => full(real.claim(id)) };
    if (kind === 'submission') return { ...real, submission: (hash) => full(real.submission(hash)) };
    if (kind === 'budget') return { ...real, budget: (day) => full(real.budget(day)) };
    const shared: Store = {
      ...real,
      submission: (hash) => full(real.submission(hash)),
      budget: (day) => full(real.budget(day)),
    };
    if (kind === 'shared') return shared;
    if (kind === 'register') return { ...shared, record: (id) => full(real.record(id)) };
    const stage = async () => {
      const staging = await real.stage();
      return {
        ...staging,
        commit: (record: Parameters<typeof staging.commit>[0]) => write(() => staging.commit(record)),
      };
    };
    return { ...real, stage };
  };
  return { store, free: () => (freed = true) };
}

describe('a disk that is full', () => {
  eachNth<[kind: Filling, nth: number, made: number]>(12, [
    ['commit', 1, 0],
    ['submission', 1, 0],
    ['budget', 1, 0],
    // What it takes back then is not written either.
    ['shared', 2, 0],
    ['register', 2, 0],
    ['record', 1, 0],
    ['claim', 1, 1],
    ['record', 2, 1],
    ['record', 3, 1],
  ])('at %s change %d pays once, and all is well when there is room', async (kind, nth, made) => {
    const api = await startApi(ended);
    const disk = fillingUp(kind, nth);
    const env = { BATCH_MCP_SETTLE_SECONDS: '0.2' };
    const server = await startServer({ api, env, store: disk.store });
    const answer = await server.call('submit_batch', tasks('a', 'b'));
    const { batch_id: told } = answer.reply;
    const isTold = (text: string) => text.includes('The disk is full: make room');
    // Told at once, or by a look at what goes on.
    if (!isTold(answer.text)) await follow(server, told, ({ warnings }) => isTold(warnings.join(' ')));
    expect(api.batches).toHaveLength(made);

    disk.free();
    const { batch_id } = await server.ok('submit_batch', tasks('a', 'b'));
    if (told) expect(batch_id).toBe(told);
    await follow(server, batch_id);
    await expectAnswers(server, batch_id, ['a', 'b']);
    expect(api.batches).toHaveLength(1);
    expect((await server.ok('list_batches')).batches).toHaveLength(1);
    await server.close();
    const staged = await readdir(path.join(server.data, 'staging'));
    expect(staged.filter((name) => name !== 'trash')).toEqual([]);
  });

  const busyOnce = (all: ApiRequest[], api: ApiServer) =>
    all.map((request) =>
      request.custom_id === 'b' && api.batches.length === 0
        ? errored(request, 'overloaded_error', 'busy')
        : succeeded(request, `answer ${request.custom_id}`),
    );

  eachNth<[nth: number]>(6, [[1], [2], [3], [4], [5], [6]])(
    'at change %d of a retry loses nothing of what the record names',
    async (nth) => {
      const api: ApiServer = await startApi({ endsAtOnce: true, results: (all) => busyOnce(all, api) });
      const folder = await temporaryFolder();
      const batch_id = await saved(await startServer({ api, folder }), tasks('a', 'b'));
      const disk = fillingUp('register', nth);
      const server = await startServer({ api, folder, store: disk.store });
      await server.call('retry_batch', { batch_id });
      for (let look = 0; look < 3; look += 1) await server.call('batch_status', { batch_id });
      disk.free();
      const { outcomes } = await follow(server, batch_id);
      if (outcomes.errored > 0) await server.ok('retry_batch', { batch_id });
      await follow(server, batch_id);
      await expectAnswers(server, batch_id, ['a', 'b']);
      expect(api.creates.map(({ requests }) => requests.map((each) => each.custom_id))).toEqual([
        ['a', 'b'],
        ['b'],
      ]);
    },
  );

  /** Files of at most 64 KB: what the system answers to more is an error as that of a full disk. */
  const under: [string, ...string[]] = ['sh', '-c', 'ulimit -f 128; exec "$@"', 'sh'];

  it('while results come in is told, and they are fetched again when there is room', long, async () => {
    const api = await startApi(endedLong);
    const folder = await temporaryFolder();
    const cramped = await spawnServer({ folder, api, under });
    const { batch_id } = await cramped.ok('submit_batch', tasks('a', 'b'));
    const status = await follow(cramped, batch_id, ({ warnings }) => warnings.length > 0);
    expect(status.results_state).toBe('downloading');
    expect(status.warnings.join(' ')).toMatch(/Could not write .*part-0001.results.jsonl/);
    await cramped.close();

    const server = await startServer({ folder, api });
    await expectAnswers(server, batch_id, ['a', 'b']);
    expect(await readdir(path.join(server.data, 'tmp'))).toEqual([]);
    expect(api.creates).toHaveLength(1);
  });

  it('while work is prepared is told, and nothing is sent or left', long, async () => {
    const api = await startApi(ended);
    const folder = await temporaryFolder();
    const cramped = await spawnServer({ folder, api, under });
    const large = { requests: [{ task_id: 'a', prompt: 'x'.repeat(300_000) }] };
    expect(await cramped.fails('submit_batch', large)).toMatch(/^store_failed: Could not write /);
    expect(api.creates).toHaveLength(0);
    expect(await readdir(path.join(folder, 'data', 'staging'))).toEqual([]);
    expect((await cramped.ok('list_batches')).batches).toEqual([]);
  });

  it('for the caller is told, and leaves no half of a file', async () => {
    const api = await startApi(endedLong);
    const folder = await temporaryFolder();
    const roomy = await startServer({ folder, api });
    const batch_id = await saved(roomy, tasks('a', 'b'));
    const cramped = await spawnServer({ folder, under });
    const refusal = await cramped.fails('get_results', { batch_id, output_file: 'out.jsonl' });
    expect(refusal).toMatch(/^store_failed: Could not write ".*out.jsonl"/);
    expect(await readdir(cramped.work)).toEqual([]);
  });
});

describe('a data folder', () => {
  it('that is a file is refused at the first use, and left as it is', async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'data'), 'mine');
    const server = await spawnServer({ folder });
    expect(await server.fails('submit_batch', { ...tasks('a'), sandbox: true })).toMatch(/^store_failed: /);
    expect(await readFile(path.join(folder, 'data'), 'utf8')).toBe('mine');
  });

  it('that was moved in the middle is found again', async () => {
    const api = await startApi(ended);
    const folder = await temporaryFolder();
    const server = await startServer({ folder, api });
    const batch_id = await saved(server, tasks('a'));
    await rename(server.data, `${server.data}-elsewhere`);
    expect(await server.fails('batch_status', { batch_id })).toMatch(/^not_found/);
    await rename(`${server.data}-elsewhere`, server.data);
    await expectAnswers(server, batch_id, ['a']);
  });
});
