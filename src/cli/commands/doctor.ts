import { randomUUID } from 'node:crypto';
import { uselessFolders } from '../../config/folders.ts';
import { BatchError } from '../../errors.ts';
import { hostsOnly } from '../../lib/hosts-only.ts';
import { fromHome } from '../../lib/http/deliver.ts';
import { whyNotRun } from '../../lib/http/find-program.ts';
import { setProxyVariables } from '../../lib/http/proxy.ts';
import { count, counted } from '../../lib/numbers.ts';
import { damagedWarnings } from '../../operations/list/list-warnings.ts';
import { list } from '../../operations/list.ts';
import { findUnfinished } from '../../operations/looking/unfinished.ts';
import type { Provider } from '../../provider/provider.ts';
import { readClockSkew, readCredentialSource } from '../../provider/providers.ts';
import { examineDataFolder } from '../../store/files/layout.ts';
import { openObjects } from '../../store/objects/open-objects.ts';
import { version } from '../../version.ts';
import { type Call, type Command, exitCode } from '../command.ts';
import { inCommands } from '../show.ts';

type Finding = { check: string; ok: boolean; found: string; todo?: string };

const API_MS = 10_000;
const LEAST_FREE_BYTES = 1e9;
const LARGEST_SKEW_SECONDS = 60;

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'check this computer, the key and the API, and say what to do',
  positional: [],
  examples: ['batch-mcp doctor', 'batch-mcp doctor --json'],
  async run(call) {
    const { terminal, json } = call;
    const key = await credentials(call);
    const findings = [
      { check: 'version', ok: true, found: `batch-mcp ${version}, Node ${process.versions.node}` },
      await dataFolder(call),
      ...(await database(call)),
      ...(await blobs(call)),
      allowedFolders(call),
      key,
      proxy(),
      ...(await notified(call)),
      ...(await api(call, key)),
      await batches(call),
    ];
    if (json) terminal.print(JSON.stringify({ findings }, null, 2));
    else {
      for (const { check, ok, found, todo } of findings) {
        const mark = ok ? terminal.style('green', 'ok') : terminal.style('red', '!!');
        terminal.print(`${mark}  ${check.padEnd(16)} ${found}`);
        for (const line of todo?.split('\n') ?? [])
          terminal.print(`    ${' '.repeat(16)} ${terminal.style('yellow', inCommands(line))}`);
      }
    }
    return findings.every(({ ok }) => ok) ? exitCode.done : exitCode.failed;
  },
};

async function dataFolder({ config }: Call): Promise<Finding> {
  const check = 'data folder';
  try {
    const { freeBytes } = await examineDataFolder(config.dataDir);
    const gigabytes = (freeBytes / 1e9).toFixed(1);
    const found = `${config.dataDir}, writable, ${gigabytes} GB free`;
    if (freeBytes >= LEAST_FREE_BYTES) return { check, ok: true, found };
    return { check, ok: false, found, todo: 'Free some space, or remove old batches: batch-mcp prune' };
  } catch (error) {
    return { check, ok: false, found: config.dataDir, todo: messageOf(error) };
  }
}

async function database({ config, context }: Call): Promise<Finding[]> {
  if (config.store === null) return [];
  const check = 'database';
  const { place } = config.store;
  try {
    await context.store.batchIds();
    return [{ check, ok: true, found: place }];
  } catch (error) {
    return [{ check, ok: false, found: place, todo: messageOf(error) }];
  }
}

/** Writes something small, reads it and removes it, as blobs are. */
async function blobs({ config }: Call): Promise<Finding[]> {
  if (config.blobs === null) return [];
  const check = 'blobs';
  const { place } = config.blobs;
  async function* probe() {
    yield Buffer.from('batch-mcp doctor');
  }
  try {
    const objects = await openObjects(config.blobs, { folder: '', limitBytes: 0, log: () => {} });
    const written = await objects.write(`doctor/${randomUUID()}`, probe());
    for await (const _piece of objects.read(written));
    await objects.removeUnfinished(written.key);
    return [{ check, ok: true, found: place }];
  } catch (error) {
    return [{ check, ok: false, found: place, todo: messageOf(error) }];
  }
}

function allowedFolders({ config }: Call): Finding {
  const check = 'allowed folders';
  const found = `for agents: ${config.allowedDirs.join(', ')}`;
  const useless = uselessFolders(config);
  if (useless.length === 0) return { check, ok: true, found };
  return { check, ok: false, found, todo: `${useless.join('. ')}.` };
}

/** Only for Anthropic's API: the sandbox needs none. */
async function credentials({ env }: Call): Promise<Finding> {
  const check = 'key';
  try {
    return { check, ok: true, found: `from ${await readCredentialSource(env)}` };
  } catch (error) {
    return { check, ok: false, found: 'none that can be used', todo: messageOf(error) };
  }
}

async function notified({ config }: Call): Promise<Finding[]> {
  if (config.notify === null) return [];
  const check = 'notify';
  const target = fromHome(config.notify.target, config.home);
  // It would be told of a batch that there is not, and its address may be a secret.
  if (target.kind === 'url') return [{ check, ok: true, found: 'an address, not tried' }];
  const { command } = target;
  const problem = await whyNotRun(command, process.env);
  if (problem === null) return [{ check, ok: true, found: command }];
  const todo = `${problem}. Set BATCH_MCP_NOTIFY to a program that is there, by its full path.`;
  return [{ check, ok: false, found: command, todo }];
}

function proxy(): Finding {
  const set = setProxyVariables();
  return { check: 'proxy', ok: true, found: set.length === 0 ? 'none' : `from ${set.join(', ')}` };
}

async function api({ context }: Call, key: Finding): Promise<Finding[]> {
  const provider = context.provider(context.defaultProvider);
  const check = 'API';
  if (!key.ok && provider.name !== 'sandbox') return [{ check, ok: false, found: 'not asked without a key' }];
  try {
    const { base_url } = await provider.account();
    const listed = await modelsAt(hostsOnly(base_url), provider);
    if (provider.name === 'sandbox') return [listed];
    return [listed, clock(await readClockSkew(base_url, API_MS))];
  } catch (error) {
    return [{ check, ok: false, found: 'not reached', todo: messageOf(error) }];
  }
}

/** An API that lists no models still counts as reachable if it lists batches. Throws if it lists neither. */
async function modelsAt(address: string, provider: Provider): Promise<Finding> {
  const check = 'API';
  try {
    const models = await provider.listModels(API_MS);
    return { check, ok: true, found: `${address}, ${counted(models.length, 'model')} listed` };
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    const status = error.api?.status;
    // A server that isn't such an API gives itself away by its list of batches.
    if (error.code !== 'api_unreachable' && status !== 401) await provider.listBatches({ limit: 1 });
    if (status === undefined) throw error;
    return { check, ok: false, found: `${address} answers with ${status}`, todo: error.message };
  }
}

function clock(skewSeconds: number | null): Finding {
  const check = 'clock';
  if (skewSeconds === null) return { check, ok: true, found: 'the API does not tell the time' };
  const found = `${counted(Math.abs(skewSeconds), 'second')} ${skewSeconds < 0 ? 'behind' : 'ahead of'} the API`;
  if (Math.abs(skewSeconds) <= LARGEST_SKEW_SECONDS) return { check, ok: true, found };
  return { check, ok: false, found, todo: "Set this computer's clock: waiting and budgets go by it." };
}

async function batches({ context }: Call): Promise<Finding> {
  const check = 'batches';
  try {
    const { totals } = await list.run(context, { limit: 1 });
    const { batches: refused, totals: unsent } = await list.run(context, {
      processing_status: 'not_sent',
      limit: 1,
    });
    const { batchIds: open, damaged } = await findUnfinished({ ...context, notify: null });
    const found = [
      `${count(totals.batches)}, ${count(open.length)} unfinished`,
      ...(unsent.batches > 0 ? [`${count(unsent.batches)} not sent`] : []),
      ...(damaged.length > 0 ? [`${count(damaged.length)} that can't be read`] : []),
    ].join(', ');
    const todos = [
      ...damagedWarnings(damaged),
      ...open.slice(0, 1).map((id) => {
        return open.length === 1 ? `Follow it: batch-mcp wait ${id}` : 'Follow them: batch-mcp collect';
      }),
      ...refused.map(({ batch_id }) => `What was not sent waits for you: batch-mcp status ${batch_id}`),
    ];
    return { check, ok: damaged.length === 0, found, ...(todos.length > 0 && { todo: todos.join('\n') }) };
  } catch (error) {
    return { check, ok: false, found: 'cannot be listed', todo: messageOf(error) };
  }
}

/** A fault of ours is not a finding. */
function messageOf(error: unknown): string {
  if (error instanceof BatchError) return error.message;
  throw error;
}
