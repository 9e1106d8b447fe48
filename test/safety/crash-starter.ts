import { writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { readConfig } from '../../src/config/config.ts';
import { createContext } from '../../src/config/create-context.ts';
import type { Log } from '../../src/log.ts';
import { createServer } from '../../src/mcp/create-server.ts';
import type { Provider, RequestBody } from '../../src/provider/provider.ts';
import { createProviders } from '../../src/provider/providers.ts';
import { createStore } from '../../src/store/files/create-store.ts';
import type { BatchRecord } from '../../src/store/record.ts';
import type { Register, Store } from '../../src/store/store.ts';
import { traceDisk } from './disk-trace.ts';
import { watchEveryCall } from './every-call.ts';

/**
 * The server on stdio, that kills itself with SIGKILL at one step of its work:
 *
 *     CRASH_AT=record.update:after:3
 *
 * A step is the n-th call of that name, before it is made or after it has succeeded. Names: `provider.<call>`
 * (of `provider.streamResults`, each 64 bytes that come count as a call), `<register>.update`, `staging.commit`,
 * `store.removeBatch`, and `fs.<call>(<file name>)` for what gives a file its name. Without CRASH_AT nothing
 * is killed. CRASH_AT_CALL counts all calls to the disk and the network in its place, from the start on; CALLS names a file
 * for how many there were in the end, and how many needed room. FULL_AT, as `30:5`, has so many calls that need room fail from that one on. CRASH_WITH is another signal, as SIGSTOP. LIMITS holds a context's limits as JSON; TRACE names a file for all that is done to the disk, and every step.
 */
const {
  CRASH_AT = '',
  CRASH_AT_CALL,
  FULL_AT,
  CALLS,
  CRASH_WITH = 'SIGKILL',
  LIMITS = '{}',
  TRACE,
} = process.env;
const tell = TRACE ? traceDisk(TRACE) : () => {};
const seen = new Map<string, number>();

function step(name: string, moment: 'before' | 'after') {
  const count = (seen.get(`${name}:${moment}`) ?? 0) + 1;
  seen.set(`${name}:${moment}`, count);
  const reached = `${name}:${moment}:${count}`;
  tell({ kind: 'step', name: reached });
  if (reached === CRASH_AT) process.kill(process.pid, CRASH_WITH);
}

function watched<Args extends unknown[], T>(name: string, call: (...args: Args) => Promise<T>) {
  return async (...args: Args): Promise<T> => {
    step(name, 'before');
    const result = await call(...args);
    step(name, 'after');
    return result;
  };
}

let calls = 0;
let needingRoom = 0;
const [fullFrom = Number.POSITIVE_INFINITY, fullFor = 0] = (FULL_AT ?? '')
  .split(':')
  .filter(Boolean)
  .map(Number);

function isFull(): Error | null {
  needingRoom += 1;
  if (needingRoom < fullFrom || needingRoom >= fullFrom + fullFor) return null;
  return Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC',
    syscall: 'write',
  });
}

if (CRASH_AT_CALL ?? FULL_AT ?? CALLS) {
  await watchEveryCall(() => {
    calls += 1;
    if (calls === Number(CRASH_AT_CALL)) process.kill(process.pid, CRASH_WITH);
  }, isFull);
}

/** What gives a file its name is a step, told by that name; records and claims have steps of their own. */
for (const name of ['link', 'rename'] as const) {
  const original = fs[name];
  fs[name] = (from, to) => {
    const target = path.basename(String(to));
    if (/^\d{8}\.json$/.test(target)) return original(from, to);
    return watched(`fs.${name}(${target.replace(/^batch_.*/, 'batch')})`, original)(from, to);
  };
}
syncBuiltinESMExports();

type ListPage = Parameters<Provider['listBatches']>[0];

function watchedProvider(provider: Provider): Provider {
  return {
    ...provider,
    createBatch: watched('provider.createBatch', (body: RequestBody, ms: number) =>
      provider.createBatch(body, ms),
    ),
    retrieveBatch: watched('provider.retrieveBatch', (id: string) => provider.retrieveBatch(id)),
    listBatches: watched('provider.listBatches', (page: ListPage) => provider.listBatches(page)),
    async *streamResults(id, signal) {
      for await (const bytes of provider.streamResults(id, signal)) {
        for (let at = 0; at < bytes.length; at += 64) {
          yield bytes.subarray(at, at + 64);
          step('provider.streamResults', 'after');
        }
      }
    },
  };
}

function watchedRegister<T>(name: string, register: Register<T>): Register<T> {
  return {
    ...register,
    update: watched(`${name}.update`, (change: (current: T | null) => T | null) => register.update(change)),
  };
}

function watchedStore(store: Store): Store {
  return {
    ...store,
    record: (id) => watchedRegister('record', store.record(id)),
    claim: (id) => watchedRegister('claim', store.claim(id)),
    submission: (hash) => watchedRegister('submission', store.submission(hash)),
    budget: (day) => watchedRegister('budget', store.budget(day)),
    writtenFile: (file) => watchedRegister('writtenFile', store.writtenFile(file)),
    removeBatch: watched('store.removeBatch', (id: string) => store.removeBatch(id)),
    async stage() {
      const staging = await store.stage();
      return {
        ...staging,
        commit: watched('staging.commit', (record: BatchRecord) => staging.commit(record)),
      };
    },
  };
}

const config = readConfig({ env: process.env, argv: process.argv.slice(2), cwd: process.cwd() });
const log: Log = (_level, message) => void process.stderr.write(`${message}\n`);
const providers = createProviders(config, log);
const context = await createContext(config, log, {
  limits: JSON.parse(LIMITS),
  providers: { ...providers, get: (name) => watchedProvider(providers.get(name)) },
  store: watchedStore(createStore({ path: config.dataDir, log: (message) => log('warn', message) })),
});
process.stdin.on('end', () => {
  if (CALLS) writeFileSync(CALLS, `${calls} ${needingRoom}`);
  process.exit(0);
});
const server = createServer(context, { version: '0.0.0-test', redact: (text) => text });
await server.connect(new StdioServerTransport());
