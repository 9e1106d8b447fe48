import { existsSync, type Stats, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { hasErrorCode } from '../errors.ts';
import { isInside } from '../lib/files/real-paths.ts';

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

/** The folder that the process was started in; null if it has been removed since. */
export function currentFolder(): string | null {
  try {
    return process.cwd();
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT', 'EACCES')) return null;
    throw error;
  }
}

/** The user's home folder; null if HOME is not set and the system does not know the user, as in many containers. */
export function homeFolder(): string | null {
  return [os.homedir, () => os.userInfo().homedir].map(absoluteOrNull).find((home) => home !== null) ?? null;
}

function absoluteOrNull(find: () => string): string | null {
  try {
    const folder = find();
    return path.isAbsolute(folder) ? folder : null;
  } catch (error) {
    // A user id without a name: uv_os_homedir and uv_os_get_passwd answer ENOENT.
    if (error instanceof Error && 'syscall' in error) return null;
    throw error;
  }
}

/**
 * Whether the folder a client started the server in is one that its user works in. Desktop clients start servers in `/`, in
 * the home folder or in a folder of their own program: allowing those would open everything, or nothing of the user's.
 */
export function isWorkingFolder(folder: string, home: string | null): boolean {
  if (path.parse(folder).root === folder || (home !== null && isInside(folder, home))) return false;
  return !systemFolders.some((system) => isInside(system, folder));
}

/** The platform's folder for application data; null if there is neither a home folder nor a setting for it. */
export function defaultDataFolder(
  home: string | null,
  env: Readonly<Record<string, string | undefined>>,
): string | null {
  const set = process.platform === 'win32' ? env.LOCALAPPDATA : env.XDG_DATA_HOME;
  const inHome = (...names: string[]) => (home === null ? null : path.join(home, ...names));
  switch (process.platform) {
    case 'darwin':
      return inHome('Library', 'Application Support', 'batch-mcp');
    case 'win32':
      return set ? path.join(set, 'batch-mcp', 'Data') : inHome('AppData', 'Local', 'batch-mcp', 'Data');
    default:
      return set ? path.join(set, 'batch-mcp') : inHome('.local', 'share', 'batch-mcp');
  }
}

/**
 * The visible folder for files when no working folder will do: in Documents, if that exists. Without a home folder it is
 * the user's own temporary folder.
 */
export function defaultWorkFolder(home: string | null): string {
  if (home === null) return path.join(os.tmpdir(), `batch-mcp-${process.getuid?.() ?? 'work'}`);
  const documents = path.join(home, 'Documents');
  return path.join(existsSync(documents) ? documents : home, 'batch-mcp');
}

/** Warns of allowed folders that allow nothing, with the reason; the work folder is made on first use. */
export function uselessFolders({
  allowedDirs,
  workDir,
}: {
  allowedDirs: readonly string[];
  workDir: string;
}): string[] {
  return allowedDirs.flatMap((folder) => {
    const kind = kindOf(folder);
    if (kind !== undefined && !kind.isDirectory())
      return [`The allowed folder ${JSON.stringify(folder)} is not a folder: name the folder it is in`];
    if (kind !== undefined || folder === workDir) return [];
    return [
      `The allowed folder ${JSON.stringify(folder)} does not exist: it allows nothing until it is created`,
    ];
  });
}

/** Undefined if nothing can be found, for whatever reason. */
function kindOf(folder: string): Stats | undefined {
  try {
    return statSync(folder);
  } catch {
    return undefined;
  }
}
