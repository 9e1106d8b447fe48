/**
 * How long `npx` takes from an empty cache to the answer of `tools/list`, for two tarballs in turns:
 *
 *     npx tsx bench/install-beside.ts before.tgz now.tgz [runs]
 *
 * What a tarball depends on comes from the registry that npm is set to.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { startFresh } from './install.ts';
import { times } from './measure.ts';

const [before, now, runs = '5'] = process.argv.slice(2);
if (before === undefined || now === undefined)
  throw new Error('usage: install-beside.ts before.tgz now.tgz [runs]');

const measured = [before, now].map((tarball) => ({
  tarball: path.resolve(tarball),
  ms: [] as number[],
  told: '',
}));
const folder = await mkdtemp(path.join(os.tmpdir(), 'install-beside-'));
try {
  for (let run = 0; run < Number(runs); run += 1) {
    for (const each of measured) {
      const { ms, packages, megabytes } = await startFresh(each.tarball, path.join(folder, 'home'));
      each.ms.push(ms);
      each.told = `packages: ${packages}, ${megabytes.toFixed(1)} MB`;
    }
  }
} finally {
  await rm(folder, { recursive: true });
}
for (const { tarball, ms, told } of measured)
  process.stdout.write(`${path.basename(tarball)}: ${times(ms)}; ${told}\n`);
