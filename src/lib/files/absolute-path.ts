import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BatchError } from '../../errors.ts';

/** Linux takes no longer paths, so they are refused without a look. */
const LONGEST_PATH_BYTES = 4096;

/** What relative paths resolve against. */
export type Bases = {
  /** An absolute folder. */
  base: string;
  /** What a leading `~/` stands for. Without it, `~` is an ordinary name. */
  home?: string | undefined;
};

/** The absolute path that an argument names. Throws `invalid_input` if it can't be one. */
export function absolutePath(path: string, { base, home }: Bases): string {
  if (path.trim() === '') throw new BatchError('invalid_input', 'The path is empty. Give a file path.');
  if (path.includes('\0')) throw new BatchError('invalid_input', 'The path holds a NUL byte.');
  if (Buffer.byteLength(path) > LONGEST_PATH_BYTES) {
    throw new BatchError('invalid_input', `The path is longer than ${LONGEST_PATH_BYTES} bytes.`);
  }
  if (/^https?:\/\//i.test(path)) {
    const advice =
      'Files are read from this machine: download it into an allowed folder first, and give its path.';
    throw new BatchError('invalid_input', `${JSON.stringify(path)} is a URL. ${advice}`);
  }
  if (/^file:\/\//i.test(path)) return pathOfUrl(path);
  return home !== undefined && path.startsWith('~/') ? join(home, path.slice(2)) : resolve(base, path);
}

function pathOfUrl(url: string): string {
  try {
    return fileURLToPath(url);
  } catch {
    throw new BatchError(
      'invalid_input',
      `${JSON.stringify(url)} names no file of this machine. Give its path.`,
    );
  }
}
