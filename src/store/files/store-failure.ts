import { BatchError } from '../../errors.ts';
import { systemErrorCode } from '../../lib/files/file-failure.ts';

const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV'];

const advice: Record<string, string> = {
  ENOSPC: 'The disk is full: make room.',
  EDQUOT: 'The disk quota is used up: make room.',
  EFBIG:
    'The file is larger than the file system, or a limit of the process, allows: choose another data folder with BATCH_MCP_DATA_DIR.',
  EROFS: 'The file system is read-only: choose another data folder with BATCH_MCP_DATA_DIR.',
  EACCES: 'Access is denied: give this user the data folder, or choose another with BATCH_MCP_DATA_DIR.',
  EPERM: 'This user is not allowed to do that: choose another data folder with BATCH_MCP_DATA_DIR.',
  ENOTDIR: 'Part of the path is a file: name a folder with BATCH_MCP_DATA_DIR.',
  EEXIST: 'Part of the path is a file: name a folder with BATCH_MCP_DATA_DIR.',
  ELOOP:
    'A link in the path leads in a circle: remove it, or choose another data folder with BATCH_MCP_DATA_DIR.',
  ENAMETOOLONG: 'The path is too long: choose a shorter data folder with BATCH_MCP_DATA_DIR.',
  // On Node 26 the permission model never allows fsync.
  ERR_ACCESS_DENIED:
    "Node's permission model forbids it: start the server without --permission, or on Node 24 with the data folder allowed.",
  EMFILE: 'Too many files are open: try again in a moment.',
};

/** Turns a system error in the data folder into a `store_failed` that names `path`; a `BatchError` is returned as it is. */
export function storeFailure(verb: 'read' | 'write', path: string, error: unknown): BatchError {
  if (error instanceof BatchError) return error;
  const system = systemErrorCode(error);
  const next = advice[system ?? ''] ?? 'Check that the data folder exists and is writable, then try again.';
  return new BatchError('store_failed', `Could not ${verb} ${path} (${system ?? 'unknown cause'}). ${next}`, {
    cause: error,
  });
}

/** Does one thing in the data folder, and throws what fails as `storeFailure`. */
export async function inStore<T>(verb: 'read' | 'write', path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storeFailure(verb, path, error);
  }
}

/** As `inStore`, for work that creates hard links: a file system without them can't hold the store. */
export async function linkInStore<T>(path: string, work: () => Promise<T>): Promise<T> {
  return inStore('write', path, async () => {
    try {
      return await work();
    } catch (error) {
      const system = systemErrorCode(error);
      const isOfLink = error instanceof Error && 'syscall' in error && error.syscall === 'link';
      if (!isOfLink || system === undefined || !NO_LINKS.includes(system)) throw error;
      throw new BatchError(
        'store_failed',
        `Could not create ${path}: its file system refuses hard links (${system}), without which several ` +
          'servers could not share the data folder safely. Set BATCH_MCP_DATA_DIR to a folder on a local disk.',
        { cause: error },
      );
    }
  });
}
