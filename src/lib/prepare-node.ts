import module from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * What the programs do before loading anything else. Written so that every Node with ES modules can parse it: no
 * `?.`, no names that a module of an old Node does not export.
 */

const [LEAST_MAJOR, LEAST_MINOR] = [20, 19];

/**
 * Whether this Node is new enough. If not, says so on stderr, for people whose MCP client picked an old one, and sets
 * the exit code to 1. On Node 22 and later, enables a compile cache for later starts beside the program at `entry`:
 * whoever can write to that folder could change the program itself.
 */
export function prepareNode(entry: string): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < LEAST_MAJOR || (major === LEAST_MAJOR && minor < LEAST_MINOR)) {
    process.stderr.write(
      `batch-mcp needs Node ${LEAST_MAJOR}.${LEAST_MINOR} or later, and this is Node ${process.versions.node} ` +
        `(${process.execPath}). Install a newer one, and give its path as the command in the MCP client's configuration.\n`,
    );
    process.exitCode = 1;
    return false;
  }
  process.on('unhandledRejection', ignoreMissingWasm);
  const isBuilt = entry.endsWith('.js');
  if (isBuilt && 'enableCompileCache' in module && typeof module.enableCompileCache === 'function') {
    module.enableCompileCache(fileURLToPath(new URL('compile-cache', entry)));
  }
  return true;
}

/**
 * Says in one line that one of the program's own files could not be read, as with too low a limit of open files
 * (`ulimit -n`); rethrows any other error.
 */
export function sayNotLoaded(error: unknown): void {
  if (!(error instanceof Error) || !('syscall' in error)) throw error;
  const more =
    error.message.indexOf('EMFILE') === 0 ? ' Allow it at least 64 open files (ulimit -n 64).' : '';
  process.stderr.write(`batch-mcp could not load its own code: ${error.message}.${more}\n`);
  process.exitCode = 1;
}

/**
 * The parser of Node's `fetch` is compiled as soon as the SDK touches `Headers`. With a limited address space
 * (`ulimit -v`) that fails, which ends the process on Node 20 and 22. It is not needed: requests go over node:http.
 */
function ignoreMissingWasm(error: unknown): void {
  if (!(error instanceof RangeError && error.message.includes('Wasm memory'))) throw error;
}
