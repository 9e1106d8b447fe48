import { randomUUID } from 'node:crypto';
import { BatchError } from '../../errors.ts';
import { count, counted } from '../../lib/numbers.ts';
import { list } from '../../operations/list.ts';
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
      proxy(call),
      ...(await api(call, key)),
      await batches(call),
    ];
    if (json) terminal.print(JSON.stringify({ findings }, null, 2));
    else {
      for (const { check, ok, found, todo } of findings) {
        const mark = ok ? terminal.style('green', 'ok') : terminal.style('red', '!!');
        terminal.print(`${mark}  ${check.padEnd(16)} ${found}`);
        if (todo !== undefined)
          terminal.print(`    ${' '.repeat(16)} ${terminal.style('yellow', inCommands(todo))}`);
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
  return { check: 'allowed folders', ok: true, found: `for agents: ${config.allowedDirs.join(', ')}` };
}

/** Of Anthropic's API, for the sandbox needs none. */
async function credentials({ env }: Call): Promise<Finding> {
  const check = 'key';
  try {
    return { check, ok: true, found: `from ${await readCredentialSource(env)}` };
  } catch (error) {
    return { check, ok: false, found: 'none that can be used', todo: messageOf(error) };
  }
}

const proxyVariables = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'NO_PROXY', 'no_proxy'];

function proxy({ env }: Call): Finding {
  const set = proxyVariables.filter((name) => env[name]);
  return { check: 'proxy', ok: true, found: set.length === 0 ? 'none' : `from ${set.join(', ')}` };
}

async function api({ context }: Call, key: Finding): Promise<Finding[]> {
  const provider = context.provider(context.defaultProvider);
  const check = 'API';
  if (!key.ok && provider.name !== 'sandbox') return [{ check, ok: false, found: 'not asked without a key' }];
  try {
    const { base_url } = await provider.account();
    const listed = await modelsAt(base_url, provider);
    if (provider.name === 'sandbox') return [listed];
    return [listed, clock(await readClockSkew(base_url, API_MS))];
  } catch (error) {
    return [{ check, ok: false, found: 'not reached', todo: messageOf(error) }];
  }
}

/** What lists no models may answer all the same. Throws where nothing does. */
async function modelsAt(address: string, provider: Provider): Promise<Finding> {
  const check = 'API';
  try {
    const models = await provider.listModels(API_MS);
    return { check, ok: true, found: `${address}, ${counted(models.length, 'model')} listed` };
  } catch (error) {
    if (!(error instanceof BatchError) || error.api?.status === undefined) throw error;
    return { check, ok: false, found: `${address} answers with ${error.api.status}`, todo: error.message };
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
    const { batches: latest, totals } = await list.run(context, { limit: 200 });
    const open = latest.filter(({ processing_status }) => processing_status !== 'ended');
    const found = `${count(totals.batches)}, ${count(open.length)} unfinished`;
    const [first] = open;
    return {
      check,
      ok: true,
      found,
      ...(first && {
        todo: `Follow ${open.length === 1 ? `it: batch-mcp wait ${first.batch_id}` : 'them: batch-mcp collect'}`,
      }),
    };
  } catch (error) {
    return { check, ok: false, found: 'cannot be listed', todo: messageOf(error) };
  }
}

/** A fault of ours is not a finding. */
function messageOf(error: unknown): string {
  if (error instanceof BatchError) return error.message;
  throw error;
}
