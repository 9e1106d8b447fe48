import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';

const lockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string(),
      resolved: z.undefined().optional(),
      optionalDependencies: z.record(z.string(), z.string()).default({}),
    }),
  ),
});

/**
 * npm leaves out what its registry does not have, such as another platform's binaries, and `npm ci` then refuses
 * the lock file that npm itself wrote (github.com/npm/cli/issues/9846).
 */
test('package-lock.json names every optional package, and no registry', async () => {
  const text = await readFile(path.resolve(import.meta.dirname, '../package-lock.json'), 'utf8');
  const { packages } = lockFile.parse(JSON.parse(text));
  const places = Object.keys(packages);
  const wanted = Object.values(packages).flatMap((each) => Object.keys(each.optionalDependencies));
  const absent = wanted.filter((name) => !places.some((place) => place.endsWith(`node_modules/${name}`)));

  expect(wanted).not.toEqual([]);
  expect(absent).toEqual([]);
});
