/**
 * Says in one line which batches have ended since it was last run; nothing where there are none. What is printed goes to
 * the model, so it holds ids and counts, and no text that a person, a model or a file wrote.
 *
 * Arguments are the command that stands for `batch-mcp`; without them the published package is used. What was told is kept in
 * CLAUDE_PLUGIN_DATA, else beside the user's other state. A failure is silent: no session should begin with one.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const [program, ...first] =
  process.argv.length > 2 ? process.argv.slice(2) : ['npx', '-y', 'batch-mcp@0.1.0'];

/** Batches that are looked at; of older ones somebody has heard by now. */
const MOST_LOOKED_AT = 5;
const MOST_NAMED = 3;
const LONGEST_CALL_MS = 8_000;

/** Whoever has no home folder, and no such data, is told nothing. */
const folderOf = () =>
  process.env.CLAUDE_PLUGIN_DATA || path.join(os.homedir(), '.local', 'state', 'batch-mcp');

async function ask(...args) {
  const options = { timeout: LONGEST_CALL_MS, windowsHide: true, shell: process.platform === 'win32' };
  const { stdout } = await run(program, [...first, ...args, '--json'], options);
  return JSON.parse(stdout);
}

/** The ids that were told as ended; null where nothing was ever told. */
async function readTold(file) {
  try {
    return new Set(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return null;
  }
}

/** Another session may begin at the same moment: the file is there whole or not at all. */
async function writeTold(file, ids) {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, JSON.stringify(ids), { mode: 0o600 });
  await rename(temporary, file);
}

/** A look finds out whether one that was running has ended; where it fails, it counts as running. */
async function endedNow({ batch_id, processing_status }) {
  if (processing_status === 'ended') return true;
  const seen = await ask('status', batch_id).catch(() => undefined);
  return seen?.processing_status === 'ended';
}

async function main() {
  const file = path.join(folderOf(), 'told.json');
  const told = await readTold(file);
  const { batches } = await ask('list', '--limit', '50');
  const open = batches.filter(({ batch_id }) => !told?.has(batch_id));
  const looked = open.filter((each, index) => each.processing_status === 'ended' || index < MOST_LOOKED_AT);
  // At once: where the API is away each takes as long as it may, and the session waits for this.
  const isEnded = await Promise.all(looked.map(endedNow));
  const ended = looked.filter((_, index) => isEnded[index]);
  await writeTold(file, [...(told ?? []), ...ended.map(({ batch_id }) => batch_id)].slice(-1000));
  if (told === null || ended.length === 0) return;
  const named = ended
    .slice(0, MOST_NAMED)
    .map(
      ({ batch_id, request_count }) =>
        `${batch_id} (${request_count} request${request_count === 1 ? '' : 's'})`,
    );
  const more = ended.length > named.length ? ` and ${ended.length - named.length} more` : '';
  const verb = ended.length === 1 ? 'This batch has' : 'These batches have';
  process.stdout.write(
    `batch-mcp: ${verb} ended since the last session: ${named.join(', ')}${more}. Tell the user; get_results with detail "summary" says what came of it.\n`,
  );
}

await main().catch(() => {});
