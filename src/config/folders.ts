import { existsSync } from 'node:fs';
import path from 'node:path';

type Surroundings = { cwd: string; home: string };

const systemFolders = [
  '/Applications',
  '/Library',
  '/System',
  '/bin',
  '/boot',
  '/dev',
  '/etc',
  '/lib',
  '/proc',
  '/sbin',
  '/sys',
  '/usr',
  'C:\\Program Files',
  'C:\\Program Files (x86)',
  'C:\\ProgramData',
  'C:\\Windows',
];

/** Whether `folder` is `parent` or below it; both absolute. Links are not looked at. */
export function isInside(folder: string, parent: string): boolean {
  const relative = path.relative(parent, folder);
  return relative === '' || (!relative.startsWith('..') && !path.isAbsolute(relative));
}

/**
 * Whether the folder a client started the server in is one that its user works in. Desktop clients start
 * servers in `/`, in the home folder or in a folder of their own program: allowing those would open
 * everything, or nothing of the user's.
 */
export function isWorkingFolder({ cwd, home }: Surroundings): boolean {
  if (path.parse(cwd).root === cwd || isInside(home, cwd)) return false;
  return !systemFolders.some((folder) => isInside(cwd, folder));
}

/** The visible folder for files where no working folder serves: in Documents where there is one. */
export function defaultWorkFolder(home: string): string {
  const documents = path.join(home, 'Documents');
  return path.join(existsSync(documents) ? documents : home, 'batch-mcp');
}
