import { createReadStream, existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { BatchError, type Problem } from '../errors.ts';
import { sources } from '../operations/work/work-arguments.ts';
import { hasPlaces } from '../tasks/render/places.ts';
import { holdsRows } from '../tasks/sources/file-shape.ts';
import { isTableElsewhere } from '../tasks/sources/tables/foreign-endings.ts';
import type { Call } from './command.ts';
import { beginningAt, keepStdin, sweepStdin } from './kept-stdin.ts';
import { optionOf } from './options.ts';

/** The argument of the operations that takes a file of this ending. */
const sourceByEnding: Record<string, string> = {
  '.json': 'requests_file',
  '.jsonl': 'requests_file',
  '.ndjson': 'requests_file',
  '.csv': 'rows_file',
  '.tsv': 'rows_file',
};

/** Work as a person names it: the arguments it means, and what to remove when it is no longer read. */
export type Source = {
  args: Record<string, unknown>;
  /** Whether it is a copy of what came from stdin or a pipe. */
  isKept: boolean;
  discard(): Promise<void>;
};

/** The arguments that say what the work is, in place of a file that is named without an option. */
const sourceNames = [...sources, 'work_id'] as const;

/**
 * What was typed without an option: the file of the work, null where an option says what the work is or nothing does, and
 * what comes after it. Throws `invalid_input` for a file beside such an option.
 */
export function splitGiven({ given, args }: Pick<Call, 'given' | 'args'>): {
  file: string | null;
  rest: readonly (string | undefined)[];
} {
  const named = sourceNames.find((name) => args[name] !== undefined);
  const [file = null, ...rest] = given;
  if (named === undefined || file === null) return { file, rest };
  if (given.at(-1) === undefined) return { file: null, rest: given.slice(0, -1) };
  throw refused({
    field: optionOf(named),
    problem: `is given together with ${file}`,
    valid: 'one of the two',
  });
}

/** Throws `invalid_input` if nothing says what the work is. */
export function requireWork(file: string | null, args: Call['args']): void {
  if (file !== null || sourceNames.some((name) => args[name] !== undefined)) return;
  const valid = `a file, - for tasks on stdin, or one of ${sourceNames.map(optionOf).join(', ')}`;
  throw refused({ field: 'file', problem: 'is missing: there is no work', valid });
}

const refused = (problem: Problem) =>
  new BatchError('invalid_input', 'The work was refused; nothing was sent.', { problems: [problem] });

const ON_STDIN = ['-', '/dev/stdin', '/dev/fd/0'];

/** The work in files, or on stdin for `-`; a named pipe is read like stdin. Throws `invalid_input` if it is empty. */
export async function openSource(
  file: string | null,
  { stdin, args }: Pick<Call, 'stdin' | 'args'>,
): Promise<Source> {
  await sweepStdin();
  const named = file === null ? readsStdin(args) : undefined;
  if (file === null && named === undefined) return { args: {}, isKept: false, discard: async () => {} };
  // As `<(…)` gives it: it can be read once, and its name has no ending.
  const isPipe = file !== null && (statSync(file, { throwIfNoEntry: false })?.isFIFO() ?? false);
  const onStdin = file === null || ON_STDIN.includes(file);
  if (!onStdin && !isPipe)
    return { args: await argsOf(file, args.prompt), isKept: false, discard: async () => {} };
  const kept = await keepStdin(onStdin ? stdin : createReadStream(file), isByLine(args) ? '.txt' : '.csv');
  const meant = named === undefined ? await argsOf(kept.file, args.prompt) : { [named]: kept.file };
  return { args: meant, isKept: true, discard: () => kept.discard() };
}

/** The option that says what stdin holds, as `--rows-file -`. */
const readsStdin = (args: Call['args']): string | undefined =>
  ['requests_file', 'rows_file'].find((name) => args[name] === '-');

/** With a prompt about a line, a text is a table of its lines; otherwise it is one document. */
const ABOUT_A_LINE = /\{\{\s*line\s*\}\}/;
const isByLine = ({ prompt }: Call['args']) => typeof prompt === 'string' && ABOUT_A_LINE.test(prompt);

async function argsOf(file: string, prompt: unknown): Promise<Record<string, unknown>> {
  const ending = path.extname(file).toLowerCase();
  const isList = ending === '.txt' && isByLine({ prompt });
  const isTable = isList || isTableElsewhere(file);
  const argument = isTable ? 'rows_file' : sourceByEnding[ending];
  // Signs of a pattern may stand in a name too.
  const isPattern = /[*?{[]/.test(file) && !existsSync(file);
  if (argument === undefined || isPattern) return { input_files: [file] };
  // With its places to fill, tasks would have no use for the prompt.
  const mayBeRows = argument === 'requests_file' && typeof prompt === 'string' && hasPlaces(prompt);
  return { [mayBeRows && holdsRows(await beginningAt(file)) ? 'rows_file' : argument]: file };
}
