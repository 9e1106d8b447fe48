import { execFile } from 'node:child_process';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { median, type Row, reached, times } from './measure.ts';
import { untilTools } from './start.ts';

const project = path.resolve(import.meta.dirname, '..');
const packed = z.tuple([z.object({ filename: z.string() })]);

const MOST_SECONDS = 3;
const MOST_MEGABYTES = 10;

/** Packs the package as it is published, from a new build. Gives the tarball's path. */
async function pack(folder: string): Promise<string> {
  const args = ['pack', '--json', '--silent', '--pack-destination', folder];
  const { stdout } = await promisify(execFile)('npm', args, {
    cwd: project,
    shell: process.platform === 'win32',
  });
  const [{ filename }] = packed.parse(JSON.parse(stdout.slice(stdout.indexOf('['))));
  return path.join(folder, filename);
}

type Installed = { packages: number; megabytes: number };

/** What npx has installed in its cache. */
async function installedIn(cache: string): Promise<Installed> {
  let [packages, bytes] = [0, 0];
  for (const entry of await readdir(path.join(cache, '_npx'), { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile()) bytes += (await stat(file)).size;
    if (/\/node_modules\/(@[^/]+\/)?[^/@]+\/package\.json$/.test(file.replaceAll(path.sep, '/')))
      packages += 1;
  }
  return { packages, megabytes: bytes / 1e6 };
}

/** Starts a tarball's server by `npx`, as somebody who has nothing of it yet, and asks it for its tools. */
export async function startFresh(tarball: string, home: string): Promise<Installed & { ms: number }> {
  await mkdir(home);
  const npx = ['--yes', '--no-update-notifier', '--package', tarball, 'batch-mcp', 'serve', '--sandbox'];
  const { ms } = await untilTools(npx, home, 'npx');
  const installed = await installedIn(path.join(home, '.npm'));
  await rm(home, { recursive: true });
  return { ...installed, ms };
}

/** From `npx` of the tarball, by somebody who has nothing of it yet, to the answer of `tools/list`. */
export async function measureInstall(folder: string, repeats: number): Promise<Row[]> {
  const tarball = await pack(folder);
  const runs: number[] = [];
  let installed: Installed = { packages: 0, megabytes: 0 };
  for (let i = 0; i < repeats; i += 1) {
    const { ms, ...found } = await startFresh(tarball, path.join(folder, `home-${i}`));
    runs.push(ms);
    installed = found;
  }
  const seconds = median(runs) / 1000;
  const { packages, megabytes } = installed;
  return [
    {
      what: '`npx` of the tarball, empty cache, to `tools/list`',
      reference: '`npx` alone is most of it',
      measured: `${times(runs)}; packages: ${packages}, ${megabytes.toFixed(1)} MB`,
      bar: `at most ${MOST_SECONDS} s, ${MOST_MEGABYTES} MB`,
      met: seconds <= MOST_SECONDS && megabytes <= MOST_MEGABYTES,
      stretch: reached('one package', packages === 1),
    },
  ];
}
