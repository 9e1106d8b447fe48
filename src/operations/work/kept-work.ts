import { stat } from 'node:fs/promises';
import { BatchError, PROBLEMS_NAMED, type Problem } from '../../errors.ts';
import { parseExact, stringifyExact, withPlainNumbers } from '../../lib/exact-json.ts';
import type { AllowedFolders } from '../../lib/files/allowed-folders.ts';
import { fileFailure } from '../../lib/files/file-failure.ts';
import { sha256OfText } from '../../lib/files/file-hash.ts';
import { quoteName } from '../../lib/nearest.ts';
import type { Context } from '../../state/context.ts';
import { apartOf, maySee, ownershipOf } from '../../state/subject.ts';
import { type SourceFile, WORK_KEPT_MS } from '../../store/shared-records.ts';
import { canonicalText } from '../../tasks/identity.ts';
import type { Prepared } from '../../tasks/prepare.ts';
import { findFiles } from '../../tasks/sources/files/find-files.ts';
import { readInput } from '../operation.ts';
import type { WorkArguments } from './work-arguments.ts';
import { workArguments } from './work-fields.ts';

/** What identifies checked work. */
export type KnownWork = {
  work_id: string;
  work_hash: string;
  /** The models that it was priced for; absent where an older version kept it. */
  models?: readonly string[] | undefined;
  /** Files with a new time and the same size: the work's hash shows whether their content is the same. */
  touched: string[];
};

/**
 * The current state of the files that work is made from. Throws where one can't be found, as reading the work would.
 */
export async function sourceFiles(args: WorkArguments, folders: AllowedFolders): Promise<SourceFile[]> {
  const { requests_file, rows_file, join_file, labels, input_files, context_files } = args;
  const paths: string[] = [];
  for (const named of [requests_file, rows_file, join_file, labels]) {
    if (typeof named === 'string') paths.push((await folders.find(named)).path);
  }
  for (const patterns of [input_files, context_files]) {
    if (patterns === undefined) continue;
    for await (const { path } of findFiles(patterns, folders, new Map())) paths.push(path);
  }
  const files: SourceFile[] = [];
  for (const path of paths) {
    const { size, mtimeMs } = await stat(path).catch((error: unknown) => {
      throw fileFailure(`read ${JSON.stringify(path)}`, error);
    });
    files.push({ path, size, modified_ms: mtimeMs });
  }
  return files;
}

/**
 * Keeps the arguments of checked work, so that it can be submitted by the returned id. The same work gets the same
 * id, however it was given.
 */
export async function keepWork(
  context: Pick<Context, 'store' | 'now' | 'subject' | 'isShared'>,
  args: WorkArguments,
  { work_hash, files, models }: { work_hash: string; files: SourceFile[]; models: string[] },
): Promise<string> {
  const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined));
  const { store, now, subject } = context;
  const meaning = `${apartOf(ownershipOf(context))}${canonicalText([work_hash, args.expect ?? {}, files, models])}`;
  const work_id = `work_${sha256OfText(meaning).slice(0, 32)}`;
  const at = now().toISOString();
  const user = subject === null ? {} : { user: subject.name };
  const args_text = stringifyExact(given);
  const plain = withPlainNumbers(given);
  const exact = JSON.stringify(plain) === args_text ? {} : { args_text };
  await store.work(work_id).update(() => ({ at, args: plain, ...exact, work_hash, files, models, ...user }));
  return work_id;
}

/**
 * The arguments of work that was checked. Throws `not_found` where it is no longer kept, and `invalid_input` for
 * further arguments that would change it, and for files that have changed, by their names.
 */
export async function findWork(
  context: Pick<Context, 'store' | 'now' | 'folders' | 'subject' | 'isShared'>,
  work_id: string,
  beside: WorkArguments,
): Promise<{ args: WorkArguments; known: KnownWork }> {
  const others = Object.entries(beside).filter(([, value]) => value !== undefined);
  if (others.length > 0) {
    const problem = 'is given together with work_id, which holds all of the work';
    const valid = 'work_id alone; for other work call estimate_cost with all of its arguments';
    throw refused(others.map(([field]) => ({ field, problem, valid })));
  }
  const kept = await context.store.work(work_id).read();
  const isOld = kept !== null && context.now().getTime() - Date.parse(kept.at) > WORK_KEPT_MS;
  if (kept === null || isOld || !maySee(context, kept)) {
    throw new BatchError(
      'not_found',
      `There is no checked work ${work_id}; it is kept for a day. Nothing was sent. Call estimate_cost with the arguments again.`,
    );
  }
  const asked = kept.args_text === undefined ? kept.args : parseExact(kept.args_text).value;
  const args = readInput(workArguments, asked, 'work_id');
  const now = await sourceFiles(args, context.folders);
  const problems = changes(kept.files, now);
  if (problems.length > 0) throw refused(problems);
  const times = new Map(kept.files.map(({ path, modified_ms }) => [path, modified_ms]));
  const touched = now.filter(({ path, modified_ms }) => times.get(path) !== modified_ms);
  const { work_hash, models } = kept;
  return { args, known: { work_id, work_hash, models, touched: touched.map(({ path }) => path) } };
}

/** Throws unless the prepared work is the same that was checked under its id. */
export function requireKnown(known: KnownWork | null, now: Pick<Prepared, 'work_hash' | 'costs'>): void {
  if (known === null) return;
  if (known.work_hash === now.work_hash) {
    const [before, after] = [known.models?.join(', '), modelsOf(now).join(', ')];
    if (before === undefined || before === after) return;
    const problem = `was priced for ${before}, and by this server's settings would go to ${after}`;
    throw refused([{ field: 'work_id', problem, valid: AGAIN }]);
  }
  if (known.touched.length > 0) throw refused(known.touched.map((path) => changed(path, 'was changed')));
  const problem =
    'is for work that would now be sent differently: a file, a task type or a model has changed';
  throw refused([{ field: 'work_id', problem, valid: AGAIN }]);
}

/** The models that work goes to, which determine its price. */
export const modelsOf = ({ costs }: Pick<Prepared, 'costs'>): string[] =>
  [...new Set(costs.tally.models().map(({ model }) => model.id))].sort();

const AGAIN = 'a new estimate: call estimate_cost with the arguments again';

/** Files whose content must have changed, by their names. */
function changes(before: readonly SourceFile[], now: readonly SourceFile[]): Problem[] {
  const old = new Map(before.map((file) => [file.path, file]));
  const isNew = now.filter(({ path }) => !old.has(path));
  const found = new Map(now.map((file) => [file.path, file]));
  return [
    ...before.flatMap((file) => {
      const current = found.get(file.path);
      if (current === undefined) return [changed(file.path, 'was removed')];
      return current.size === file.size ? [] : [changed(file.path, 'was changed')];
    }),
    ...isNew.map(({ path }) => changed(path, 'was added')),
  ];
}

function changed(path: string, what: string): Problem {
  return { field: 'work_id', problem: `${quoteName(path)} ${what} since the estimate`, valid: AGAIN };
}

function refused(problems: readonly Problem[]): BatchError {
  return new BatchError('invalid_input', 'The work was refused; nothing was sent.', {
    problems: problems.slice(0, PROBLEMS_NAMED),
    problemCount: problems.length,
  });
}
