import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFileWriter } from '../../../src/lib/files/file-writer.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

const piece = fc.record({
  how: fc.constantFrom('write', 'give'),
  length: fc.oneof(fc.nat(200), fc.nat(300_000)),
  fill: fc.integer({ min: 97, max: 122 }),
});

test('holds what was written and given, in that order', async () => {
  const folder = await temporaryFolder();
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
      count += 1;
      const file = path.join(folder, `file-${count}`);
      const hash = createHash('sha256');
      const writer = await createFileWriter(file, { hash });
      const expected: Buffer[] = [];
      for (const { how, length, fill } of pieces) {
        const bytes = Buffer.alloc(length, fill);
        expected.push(Buffer.from(bytes));
        await (how === 'write' ? writer.write(bytes) : writer.give(bytes));
        // What was only written is the caller's again.
        if (how === 'write') bytes.fill(0);
      }
      const { bytes } = await writer.finish();
      const whole = Buffer.concat(expected);
      expect(bytes).toBe(whole.length);
      expect((await readFile(file)).equals(whole)).toBe(true);
      expect(hash.digest('hex')).toBe(createHash('sha256').update(whole).digest('hex'));
    }),
    { numRuns: 60 },
  );
});

test('takes the place of no other file', async () => {
  const file = path.join(await temporaryFolder(), 'file');
  await writeFile(file, 'there');
  await expect(createFileWriter(file)).rejects.toMatchObject({ code: 'EEXIST' });
});
