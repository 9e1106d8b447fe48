import { appendFileSync, statSync } from 'node:fs';
import fs, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';

/**
 * What was done to the disk, in order. Files and folders are told by their inodes, for their names change:
 *
 * - `written`: bytes of a file, which a power cut may still take.
 * - `synced`: a file's bytes, or a folder's names, went through to the disk. `begun` is how many events were there
 *   before: what was written while it went on may not be in it.
 * - `named`: a file or a folder got a name in a folder, by being made, linked or renamed.
 * - `step`: something of another kind, such as a call to the provider.
 */
export type DiskEvent =
  | { kind: 'written'; inode: number }
  | { kind: 'synced'; inode: number; begun: number }
  | { kind: 'named'; inode: number; folder: number; by: 'open' | 'link' | 'rename' | 'mkdir' }
  | { kind: 'step'; name: string };

/** Appends all that this process does to the disk by `node:fs/promises` to `file`, one event a line. */
export function traceDisk(file: string): (event: DiskEvent) => void {
  let count = 0;
  const tell = (event: DiskEvent) => {
    count += 1;
    appendFileSync(file, `${JSON.stringify(event)}\n`);
  };
  const named = (name: unknown, by: (DiskEvent & { kind: 'named' })['by']) => {
    const [inode, folder] = [String(name), path.dirname(String(name))].map((each) => statSync(each).ino);
    tell({ kind: 'named', inode: inode ?? 0, folder: folder ?? 0, by });
  };

  function watch(handle: FileHandle, inode: number) {
    for (const call of ['write', 'writev', 'writeFile', 'appendFile', 'truncate'] as const) {
      const original = handle[call];
      Object.assign(handle, {
        [call]: async (...args: unknown[]) => {
          const result: unknown = await Reflect.apply(original, handle, args);
          tell({ kind: 'written', inode });
          return result;
        },
      });
    }
    for (const call of ['sync', 'datasync'] as const) {
      const original = handle[call].bind(handle);
      handle[call] = async () => {
        const begun = count;
        await original();
        tell({ kind: 'synced', inode, begun });
      };
    }
  }

  const { open, link, rename, mkdir } = fs;
  fs.open = async (name, flags, mode) => {
    const handle = await open(name, flags, mode);
    watch(handle, (await handle.stat()).ino);
    if (flags === 'wx' || flags === 'w') named(name, 'open');
    return handle;
  };
  fs.link = async (from, to) => {
    await link(from, to);
    named(to, 'link');
  };
  fs.rename = async (from, to) => {
    await rename(from, to);
    named(to, 'rename');
  };
  Object.assign(fs, {
    mkdir: async (name: string, options: object) => {
      const made = await mkdir(name, options);
      named(name, 'mkdir');
      return made;
    },
  });
  syncBuiltinESMExports();
  return tell;
}
