import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { follow, prompts, startApi } from '../api.ts';
import { type ApiServer, errored, succeeded } from '../api-server.ts';
import { bundleForTests } from '../bundle.ts';
import { type SpawnedServer, spawnServer, temporaryFolder } from '../harness.ts';
import type { DiskEvent } from './disk-trace.ts';

const starter = bundleForTests(path.join(import.meta.dirname, 'crash-starter.ts'));

const inodeOf = (file: string) => statSync(file).ino;

function eventsIn(trace: string): DiskEvent[] {
  return readFileSync(trace, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** What has happened to a file or a folder since it was made; an inode is used again when its file is gone. */
function sinceMade(events: DiskEvent[], inode: number): { event: DiskEvent; at: number }[] {
  const all = events.map((event, at) => ({ event, at }));
  const isMaking = ({ event }: { event: DiskEvent }) =>
    event.kind === 'named' && event.inode === inode && (event.by === 'open' || event.by === 'mkdir');
  return all.slice(all.findLastIndex(isMaking));
}

/** Whether a file's bytes, or a folder's names, went through to the disk after that event. */
const isSyncedAfter = (events: DiskEvent[], inode: number, at: number) =>
  events.some((event) => event.kind === 'synced' && event.inode === inode && event.begun > at);

/** What of a file a power cut would take now: its bytes, or a name on the way to it from `root`. */
function lostOf(file: string, root: string, events: DiskEvent[]): string[] {
  const lost: string[] = [];
  const inode = inodeOf(file);
  const written = sinceMade(events, inode).findLast(
    ({ event }) => event.kind === 'written' && event.inode === inode,
  );
  if (!written || !isSyncedAfter(events, inode, written.at)) lost.push(`the bytes of ${file}`);
  for (let name = file; name !== root; name = path.dirname(name)) {
    const folder = inodeOf(path.dirname(name));
    const one = inodeOf(name);
    const named = sinceMade(events, one).findLast(
      ({ event }) => event.kind === 'named' && event.inode === one && event.folder === folder,
    );
    if (!named || !isSyncedAfter(events, folder, named.at)) lost.push(`the name ${name}`);
  }
  return lost;
}

/** All files of these folders, with their paths. */
function filesBelow(...folders: string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name)),
  );
}

/** What was done to the newest revision of the record, the intent, until the create was made; each once. */
function fateOfIntent(data: string, events: DiskEvent[], create: number): string[] {
  const [batch = ''] = readdirSync(path.join(data, 'batches'));
  const record = path.join(data, 'batches', batch, 'record');
  const newest = path.join(record, readdirSync(record).sort().at(-1) ?? '');
  expect(readFileSync(newest, 'utf8')).toContain('"state":"sending"');
  const [file, folder] = [inodeOf(newest), inodeOf(record)];
  const told = sinceMade(events, file).map(({ event }) => {
    if (event.kind === 'step') return event.name === `provider.createBatch:before:${create}` ? 'create' : '';
    if (event.kind === 'synced' && event.inode === folder) return 'fsync of its folder';
    if (event.inode !== file) return '';
    return event.kind === 'named' ? event.by : event.kind === 'synced' ? 'fsync' : 'write';
  });
  return told.filter((what) => what !== '');
}

type Seen = { lost: string[]; files: string[]; intent: string[] };

/** Looks at the disk at the moment in which each create arrives, for its sender can't go on before it is answered. */
function lookAtEachCreate(api: ApiServer, { data, folder }: SpawnedServer, trace: string): Seen[] {
  const seen: Seen[] = [];
  api.override(
    'create',
    (_request, _response, pass) => {
      const events = eventsIn(trace);
      const files = filesBelow(...['batches', 'submissions', 'budget'].map((name) => path.join(data, name)));
      const lost = files.flatMap((file) => lostOf(file, folder, events));
      const intent = fateOfIntent(data, events, seen.length + 1);
      seen.push({ lost, files: files.map((file) => path.relative(data, file)), intent });
      pass();
    },
    { after: true },
  );
  return seen;
}

const order = ['open', 'write', 'fsync', 'link', 'fsync of its folder', 'create'];

describe.skipIf(process.platform === 'win32')('what is on disk before a create', () => {
  it('outlasts a power cut: of each part, and of each part of a retry', async () => {
    const api = await startApi({
      // The first time, one task fails.
      results: (requests) =>
        requests.map((each) =>
          requests.length > 1 ? errored(each, 'overloaded_error', 'busy') : succeeded(each, 'well'),
        ),
    });
    const folder = await temporaryFolder();
    const trace = path.join(folder, 'trace.jsonl');
    const env = { TRACE: trace, LIMITS: JSON.stringify({ partRequests: 2 }) };
    const server = await spawnServer({ starter: starter.path, folder, api, env });
    const seen = lookAtEachCreate(api, server, trace);
    const { batch_id } = await server.ok('submit_batch', { requests: prompts(['a', 'b', 'c']) });
    api.endAll();
    await follow(server, batch_id);
    await server.ok('retry_batch', { batch_id });

    expect(seen.map(({ lost }) => lost)).toEqual([[], [], []]);
    expect(seen.map(({ intent }) => intent)).toEqual([order, order, order]);
    const bodies = (files: string[] = []) => files.filter((file) => file.endsWith('.requests.json'));
    expect(seen.map(({ files }) => bodies(files).length)).toEqual([2, 2, 3]);
    for (const { files } of seen) {
      expect(files).toContain(path.join('batches', batch_id, 'tasks.jsonl'));
      expect(files).toContainEqual(expect.stringMatching(/^submissions.[0-9a-f]{64}.00000001\.json$/));
      expect(files).toContainEqual(expect.stringMatching(/^budget.\d{4}-\d\d-\d\d.00000001\.json$/));
    }
  });
});
