import { execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPriceFile } from '../../../src/cost/price-file.ts';
import { BatchError } from '../../../src/errors.ts';
import { sha256OfFile } from '../../../src/lib/files/file-hash.ts';
import { openRegularFile, readRegularFile } from '../../../src/lib/files/regular-file.ts';
import { modelTable } from '../../../src/provider/anthropic/models/price-table.ts';
import { readTemplates } from '../../../src/templates/read-templates.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

const makers: Record<string, (at: string) => unknown> = {
  'a pipe': (at) => execFileSync('mkfifo', [at]),
  'a socket': (at) => new Promise<void>((made) => void createServer().unref().listen(at, made)),
  'a device': (at) => symlink('/dev/zero', at),
  'a folder': (at) => mkdir(at),
};

describe('only a regular file is opened:', () => {
  it.each(Object.entries(makers))('%s is refused at once, to read and to write', async (_what, make) => {
    const at = path.join(await temporaryFolder(), 'x');
    await make(at);
    const flags = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY;
    for (const options of [{}, { flags }]) {
      await expect(openRegularFile(at, options)).rejects.toMatchObject({ code: 'invalid_input' });
    }
  });

  it('a link to one is followed, unless it may not be', async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'file'), 'text');
    await symlink(path.join(folder, 'file'), path.join(folder, 'link'));
    expect(await readRegularFile(path.join(folder, 'link'))).toBe('text');
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW;
    await expect(readRegularFile(path.join(folder, 'link'), { flags })).rejects.toThrow(/ELOOP|EMLINK/);
  });

  it.each<[string, (at: string) => Promise<unknown>]>([
    ['prices', (at) => readPriceFile(at, modelTable)],
    ['a task type', (at) => readTemplates(path.dirname(at), () => ({ problems: [] }))],
    ['a file to be compared', (at) => sha256OfFile(at)],
  ])('%s in a pipe', async (_what, read) => {
    const at = path.join(await temporaryFolder(), 'x.md');
    execFileSync('mkfifo', [at]);
    await expect(read(at)).rejects.toBeInstanceOf(BatchError);
  });
});
