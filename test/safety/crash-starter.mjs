import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { readConfig } from '../../dist/config.js';
import { createContext } from '../../dist/create-context.js';
import { createServer } from '../../dist/create-server.js';
import { createProviders } from '../../dist/provider/providers.js';
import { createStore } from '../../dist/store/file-store.js';

/**
 * The built server on stdio, that kills itself with SIGKILL at one step of its work:
 *
 *     CRASH_AT=record.update:after:3 node crash-starter.mjs
 *
 * A step is the n-th call of that name, before it is made or after it has succeeded. Names: `provider.<call>`
 * (of `provider.streamResults`, each 64 bytes that come count as a call), `<register>.update`, `staging.commit`,
 * `store.removeBatch`, and `fs.<call>(<file name>)` for what gives a file its name. Without CRASH_AT nothing
 * is killed. LIMITS holds a context's limits as JSON; TRACE=1 tells every step on stderr.
 *
 * Plain JavaScript over the built server: starting it through a compiler takes three times as long.
 */
const [crashName, crashMoment, crashCount] = (process.env.CRASH_AT ?? '').split(/:(?=before|after|\d+$)/);
const seen = new Map();

function step(name, moment) {
  const key = `${name}:${moment}`;
  const count = (seen.get(key) ?? 0) + 1;
  seen.set(key, count);
  if (process.env.TRACE) process.stderr.write(`step ${key}:${count}\n`);
  if (name === crashName && moment === crashMoment && count === Number(crashCount)) {
    process.kill(process.pid, 'SIGKILL');
  }
}

const watched =
  (name, call) =>
  async (...args) => {
    step(name, 'before');
    const result = await call(...args);
    step(name, 'after');
    return result;
  };

/** What gives a file its name is a step, told by that name; records and claims have steps of their own. */
for (const name of ['link', 'rename']) {
  const original = fs[name];
  fs[name] = (from, to) => {
    if (/^\d{8}\.json$/.test(path.basename(to))) return original(from, to);
    const shown = path.basename(to).replace(/^batch_.*/, 'batch');
    return watched(`fs.${name}(${shown})`, original)(from, to);
  };
}
syncBuiltinESMExports();

function watchedProvider(provider) {
  const calls = ['createBatch', 'retrieveBatch', 'listBatches', 'cancelBatch'];
  return {
    ...provider,
    ...Object.fromEntries(calls.map((name) => [name, watched(`provider.${name}`, provider[name])])),
    async *streamResults(...args) {
      for await (const bytes of provider.streamResults(...args)) {
        for (let at = 0; at < bytes.length; at += 64) {
          yield bytes.subarray(at, at + 64);
          step('provider.streamResults', 'after');
        }
      }
    },
  };
}

function watchedStore(store) {
  const register = (name) => {
    const open = store[name];
    return (key) => {
      const opened = open(key);
      return { ...opened, update: watched(`${name}.update`, opened.update) };
    };
  };
  return {
    ...store,
    record: register('record'),
    claim: register('claim'),
    submission: register('submission'),
    budget: register('budget'),
    writtenFile: register('writtenFile'),
    removeBatch: watched('store.removeBatch', store.removeBatch),
    async stage() {
      const staging = await store.stage();
      return { ...staging, commit: watched('staging.commit', staging.commit) };
    },
  };
}

const config = readConfig({ env: process.env, argv: process.argv.slice(2), cwd: process.cwd() });
const log = (_level, message) => void process.stderr.write(`${message}\n`);
const providers = createProviders(config, log);
const context = await createContext(config, log, {
  limits: JSON.parse(process.env.LIMITS ?? '{}'),
  providers: { ...providers, get: (name) => watchedProvider(providers.get(name)) },
  store: watchedStore(createStore({ path: config.dataDir, log: (message) => log('warn', message) })),
});
process.stdin.on('end', () => process.exit(0));
await createServer(context, { version: '0.0.0-test', redact: (text) => text }).connect(new StdioServerTransport());
