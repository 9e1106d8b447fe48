import module from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * What the programs do before they load anything else. Written so that every Node that knows modules can read it: no
 * `?.`, no names from a module that an old one does not export.
 */

const [LEAST_MAJOR, LEAST_MINOR] = [20, 19];

/**
 * Whether this Node is new enough to go on. Where it is not, that is said on stderr, for people whose MCP client picked
 * an old one, and the exit code is 1. Where it can (Node 22), it keeps what it compiles for later starts, beside the
 * program at `entry`: a folder that whoever can write to could as well have changed the program.
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
 * Says in one line that a file of the program itself could not be read, as where a process may have too few open
 * (`ulimit -n`); whatever else failed is thrown on.
 */
export function sayNotLoaded(error: unknown): void {
  if (!(error instanceof Error) || !('syscall' in error)) throw error;
  const more =
    error.message.indexOf('EMFILE') === 0 ? ' Allow it at least 64 open files (ulimit -n 64).' : '';
  process.stderr.write(`batch-mcp could not load its own code: ${error.message}.${more}\n`);
  process.exitCode = 1;
}

/**
 * The parser of Node's `fetch` is compiled as soon as the SDK touches `Headers`, and on Node 20 and 22 its failure, where
 * the address space is limited (`ulimit -v`), ends the process. It is not needed: requests go over node:http.
 */
function ignoreMissingWasm(error: unknown): void {
  if (!(error instanceof RangeError && error.message.includes('Wasm memory'))) throw error;
}
