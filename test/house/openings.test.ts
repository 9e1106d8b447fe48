import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

/** Those that open a file that they make, a folder, one of this package or of the system, read through a handle, or look first. */
const OTHERS = [
  'cli/source.ts',
  'config/aws-profile.ts',
  'lib/files/regular-file.ts',
  'lib/files/atomic-output.ts',
  'lib/files/durable-write.ts',
  'lib/files/file-writer.ts',
  'lib/files/held-folder.ts',
  'lib/files/roots.ts',
  'provider/sandbox/batch-folder.ts',
  'provider/sandbox/receive.ts',
  'store/process-identity.ts',
  'tasks/requests/read-requests.ts',
  'version.ts',
];

it('nothing else in src/ opens files to read them', () => {
  const src = fileURLToPath(new URL('../../src/', import.meta.url));
  const opening = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .map((name) => name.split(path.sep).join('/'))
    .filter((name) => name.endsWith('.ts'))
    .filter((name) => {
      const imports = readFileSync(path.join(src, name), 'utf8').matchAll(
        /import \{([^}]*)\} from 'node:fs(?:\/promises)?'/g,
      );
      return [...imports].some(([, names = '']) =>
        /\b(open|openSync|readFile|readFileSync|createReadStream)\b/.test(names),
      );
    });
  expect(opening.sort()).toEqual(OTHERS.sort());
});
