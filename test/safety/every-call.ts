import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

type Method = (this: unknown, ...args: unknown[]) => unknown;

const onDisk = ['open', 'link', 'rename', 'mkdir', 'rm', 'unlink', 'writeFile', 'readdir', 'lstat'] as const;
const onFile = ['write', 'writev', 'writeFile', 'read', 'sync', 'datasync', 'close'] as const;
/** `push` is what comes in. */
/** What needs room, where `open` makes a file. */
const needRoom = new Set([
  'link',
  'rename',
  'mkdir',
  'writeFile',
  'write',
  'writev',
  'sync',
  'datasync',
  'open',
]);
const onNetwork = ['connect', 'write', 'push'] as const;

/**
 * Tells `step` before each call of this process to its disk by `node:fs/promises` or to the network, its client on stdin and
 * stdout included, and once it has succeeded. `fault` gives what a call to the disk that needs room fails with.
 */
export async function watchEveryCall(
  step: () => void,
  fault: () => Error | null = () => null,
): Promise<void> {
  const watch = (target: object, names: readonly string[], isDisk = true) => {
    for (const name of names) {
      const original: unknown = Reflect.get(target, name);
      if (typeof original !== 'function') continue;
      const watched: Method = function (...args) {
        step();
        const [, flags] = args;
        const makes = name !== 'open' || (typeof flags === 'string' && /[wax]/.test(flags));
        const failure = isDisk && makes && needRoom.has(name) ? fault() : null;
        if (failure !== null) return Promise.reject(failure);
        const result: unknown = Reflect.apply(original, this, args);
        if (result instanceof Promise) return after(result);
        step();
        return result;
      };
      Reflect.set(target, name, watched);
    }
  };
  const after = async (result: Promise<unknown>) => {
    const value = await result;
    step();
    return value;
  };
  const handle = await fs.open(process.execPath);
  await handle.close();
  watch(Object.getPrototypeOf(handle), onFile);
  watch(fs, onDisk);
  watch(net.Socket.prototype, onNetwork, false);
  syncBuiltinESMExports();
}
