import { spawnSync } from 'node:child_process';
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { follow, startApi } from '../api.ts';
import { errored, succeeded } from '../api-server.ts';
import { parseCsv } from '../csv.ts';
import { spawnServer, temporaryFolder } from '../harness.ts';
import { packForTests } from '../packed-package.ts';

/** A user id that nothing in the container has a name for. */
const NAMELESS = 54_321;

/**
 * Runs a command in a root of its own that nothing can be written to: programs and their libraries, the package at /app, a
 * mounted folder at /work, memory at /data. No users, no homes, no temporary folder, no variables but the two that are given.
 */
const CONTAINER = `set -e
mount -t tmpfs root "$1"; cd "$1"
mkdir usr app data work proc dev
for each in bin sbin lib lib64; do
  if [ -L /$each ]; then cp -P /$each $each; elif [ -d /$each ]; then mkdir $each; mount --bind /$each $each; fi
done
mount --bind /usr usr; mount --bind "$2" app; mount --bind "$3" work
mount -t tmpfs -o mode=777 data data
: > dev/null; mount --bind /dev/null dev/null; mount --rbind /proc proc
mount -o remount,ro .
key="$4"; url="$5"; shift 5
exec env -i ANTHROPIC_API_KEY="$key" ANTHROPIC_BASE_URL="$url" \\
  /usr/sbin/chroot --userspec=${NAMELESS}:${NAMELESS} . "$@"`;

const canMount =
  process.getuid?.() === 0 &&
  process.execPath.startsWith('/usr/') &&
  spawnSync('unshare', ['--mount', 'sh', '-c', 'mount -t tmpfs x /mnt && [ -x /usr/sbin/chroot ]']).status ===
    0;

const packed = packForTests();

test.runIf(canMount)('the packed package does the main job in a container', async () => {
  let isSecond = false;
  const api = await startApi({
    results: (requests) =>
      requests.map((each, index) =>
        index === 3 && !isSecond
          ? errored(each, 'api_error', 'Oh.')
          : succeeded(each, `Of ${each.custom_id}`),
      ),
  });
  const folder = await temporaryFolder();
  const [root, work] = [path.join(folder, 'root'), path.join(folder, 'mounted')];
  await Promise.all([mkdir(root), mkdir(work)]);
  await chown(work, NAMELESS, NAMELESS);
  const rows = Array.from({ length: 30 }, (_, index) => `r${index},value ${index}`);
  await writeFile(path.join(work, 'rows.csv'), ['id,text', ...rows].join('\n'));

  const server = await spawnServer({
    folder,
    under: [
      'unshare',
      '--mount',
      '--',
      'sh',
      '-c',
      CONTAINER,
      'sh',
      root,
      packed.installed,
      work,
      api.key,
      api.url,
    ],
    starter: '/app/dist/server.js',
    argv: ['--data-dir', '/data', '--work-dir', '/work'],
  });
  const job = { rows_file: 'rows.csv', id_column: 'id', prompt: 'Sort {{text}}' };
  const { work_id } = await server.ok('estimate_cost', job);
  const { batch_id } = await server.ok('submit_batch', { work_id, output_file: 'out.csv' });
  api.endAll();
  expect(await follow(server, batch_id)).toMatchObject({
    outcomes: { succeeded: 29, errored: 1 },
    output_files: ['/work/out.csv'],
  });
  isSecond = true;
  await server.ok('retry_batch', { batch_id });
  api.endAll();
  const status = await follow(
    server,
    batch_id,
    ({ outcomes, progress }) => outcomes.succeeded === 30 && !progress,
  );
  expect(status).toMatchObject({ output_files: ['/work/out.csv'], warnings: [] });
  const [, ...lines] = parseCsv(await readFile(path.join(work, 'out.csv'), 'utf8'));
  expect(lines.map(([id]) => id)).toEqual(rows.map((_, index) => `r${index}`));
  expect(lines.every((line) => line.includes('succeeded'))).toBe(true);
  expect(server.stderr()).not.toMatch(/ (warn|error) |\n {4}at /);
});
