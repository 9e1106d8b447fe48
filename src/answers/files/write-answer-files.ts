import { BatchError } from '../../errors.ts';
import { createOutput } from '../../lib/files/atomic-output.ts';
import { sha256OfFile, sha256OfText } from '../../lib/files/file-hash.ts';
import { countHalves } from '../../lib/half-characters.ts';
import type { Context } from '../../state/context.ts';
import type { AnswerFiles, BatchRecord } from '../../store/record.ts';
import type { Answer } from '../answer.ts';
import type { Filters } from '../page/select.ts';
import { allRows, chunksOf } from '../view/passes.ts';
import { openView, type View } from '../view/view.ts';
import { answerText } from './answer-text.ts';
import { keysInstead } from './keys-of-answers.ts';
import {
  checkPlaces,
  createNames,
  FILE_PLACES,
  fillName,
  type NamePattern,
  namesOf,
  readNamePattern,
} from './name-pattern.ts';
import { meantIn } from './render-output.ts';
import { isOurs, isOursAt, noteWritten } from './written-file.ts';

type Overwrite = 'none' | 'own' | 'ours';

/** A request for files, one for each finished answer. */
export type AnswerFilesRequest = {
  pattern: string;
  key?: string | undefined;
  /** Selects answers; left out for all. */
  filters?: Filters | undefined;
  /** Which unchanged files are replaced: none, those of this batch, or all of ours. */
  overwrite: Overwrite;
  /** Is told how many answers are done. */
  onWritten?: (done: number) => void;
};

/** How many files are written at the same time, so that several become durable at once. */
const FILES_TOGETHER = 16;

/** Checks where the files should go before anything is done. Throws if no answer could get one. */
export async function checkAnswerFiles(
  context: Pick<Context, 'folders' | 'readOnly'>,
  given: string,
  source: BatchRecord['source'],
): Promise<NamePattern> {
  if (context.readOnly) {
    throw new BatchError(
      'not_allowed',
      'This server is read-only and writes no files. Leave output_pattern out.',
    );
  }
  const pattern = readNamePattern(given, source);
  await context.folders.checkFolder(pattern.folder === '' ? '.' : pattern.folder);
  return pattern;
}

/**
 * Writes a file for each finished answer whose name is available; folders are made below the allowed ones. Existing files
 * are left alone unless they are ours. Counts what was written, and what was left out and why.
 */
export async function writeAnswerFiles(
  context: Context,
  record: BatchRecord,
  { pattern: given, key, filters = {}, overwrite, onWritten }: AnswerFilesRequest,
): Promise<AnswerFiles> {
  const pattern = await checkAnswerFiles(context, given, record.source);
  const view = await openView(context, record);
  await checkPlacesOf(view, pattern, record);
  const names = createNames(record.source);
  const left = createLeft();
  let done = 0;
  let written = 0;
  let code_only = 0;
  const words = { count: 0, sample_task_ids: [] as string[] };
  let halves = 0;
  for await (const group of allRows(view, await meantIn(view, filters))) {
    for (const together of inGroupsOf(FILES_TOGETHER, group)) {
      const files = together.map((answered) => {
        const named = fillName(pattern, namesOf(answered, record.source));
        const content = answerText(answered.answer, key, given);
        const taken = 'path' in named ? names.take(named.path) : null;
        if ('left' in content) return { left: content.left };
        if ('left' in named) return { left: named.left };
        return taken === null ? { ...content, path: named.path } : { left: taken };
      });
      const whys = await allEnded(
        files.map(async (file) =>
          'left' in file
            ? file.left
            : writeOne(context, record, { path: file.path, text: file.text, overwrite }),
        ),
      );
      for (const [index, file] of files.entries()) {
        const why = whys[index] ?? null;
        if (why !== null) left.add(why, together[index]?.answer);
        else if ('text' in file) {
          written += 1;
          if (file.code_only) code_only += 1;
          if (file.words) {
            words.count += 1;
            const id = together[index]?.answer.task_id;
            if (id !== undefined && words.sample_task_ids.length < NAMED) words.sample_task_ids.push(id);
          }
          halves += countHalves(file.text);
        }
      }
      done += together.length;
      onWritten?.(done);
    }
  }
  const keys = await keysInstead(context, record, { key, filters });
  return {
    pattern: given,
    ...(key !== undefined && { key }),
    ...(keys && { keys }),
    written_at: context.now().toISOString(),
    problem: null,
    written,
    left: left.all(),
    ...(code_only > 0 && { code_only }),
    ...(words.count > 0 && { words }),
    ...(halves > 0 && { halves }),
  };
}

/** How many of the answers without a file are named. */
const NAMED = 3;

/** Counts what was left out by reason, and names the first of each unless the digest of failures does. */
function createLeft() {
  const left = new Map<string, { count: number; named: string[] }>();
  return {
    add(why: string, answer: Answer | undefined): void {
      const found = left.get(why) ?? { count: 0, named: [] };
      found.count += 1;
      if (answer?.outcome === 'succeeded' && found.named.length < NAMED) found.named.push(answer.task_id);
      left.set(why, found);
    },
    all: (): AnswerFiles['left'] =>
      [...left].map(([why, { count, named }]) => ({
        why,
        count,
        ...(named.length > 0 && { sample_task_ids: named }),
      })),
  };
}

function inGroupsOf<T>(size: number, all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size),
  );
}

/** The outcomes of all; the first failure is thrown once none is running any more. */
async function allEnded<T>(works: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(works);
  return Promise.all(works);
}

async function checkPlacesOf(view: View, pattern: NamePattern, { source }: BatchRecord): Promise<void> {
  const [first = []] = [...chunksOf(view)];
  const rows = await view.answeredRows(first);
  const own = rows.some(({ variant }) => variant !== undefined) ? ['task_id', 'variant'] : ['task_id'];
  const columns = source === 'input_files' ? FILE_PLACES : rows.flatMap(({ row }) => Object.keys(row ?? {}));
  checkPlaces(pattern, [...new Set([...own, ...columns])]);
}

type AnswerFile = { path: string; text: string; overwrite: Overwrite };

/** Writes one file, or returns why it was left out. A failing disk concerns all files, so it is thrown. */
async function writeOne(context: Context, record: BatchRecord, file: AnswerFile): Promise<string | null> {
  const { folders } = context;
  try {
    await folders.makeFolderOf(file.path);
    const { path, exists } = await folders.checkForWriting(file.path);
    if (!exists) return await create(context, record, { ...file, path });
    return await replaceOurs(context, record, { ...file, path });
  } catch (error) {
    if (!(error instanceof BatchError) || !isOfFile(error)) throw error;
    return error.code === 'already_exists' ? EXISTS : 'that is no place to write to';
  }
}

const EXISTS = 'a file is there already';
const NOT_OURS = 'a file that batch-mcp did not write is there';

const isOfFile = ({ code }: BatchError) =>
  code === 'not_allowed' || code === 'invalid_input' || code === 'not_found' || code === 'already_exists';

async function create(context: Context, record: BatchRecord, file: AnswerFile): Promise<string | null> {
  const { batch_id } = record;
  const output = await createOutput(file.path, { replace: false, sweep: false });
  try {
    await output.write(file.text);
    await output.commit(({ sha256 }) => noteWritten(context, { path: file.path, batch_id, sha256 }));
    return null;
  } catch (error) {
    await output.abort();
    // Another process, which saw the end too, was faster: the file is there, and ours.
    if (error instanceof BatchError && error.code === 'already_exists')
      return replaceOurs(context, record, file);
    throw error;
  }
}

/** Deals with an existing file: it is already right, ours and now replaced, or left alone. */
async function replaceOurs(context: Context, record: BatchRecord, file: AnswerFile): Promise<string | null> {
  const { batch_id } = record;
  const { path, text, overwrite } = file;
  const known = await context.store.writtenFile(path).read();
  const found = await sha256OfFile(path);
  if (!isOurs(known, found)) return NOT_OURS;
  const isOwn = known.batch_id === batch_id;
  if (found === sha256OfText(text)) {
    if (!isOwn) await noteWritten(context, { path, batch_id, sha256: found });
    return null;
  }
  if (overwrite === 'none' || (overwrite === 'own' && !isOwn)) return EXISTS;
  const mayReplace = (sha256: string) => isOursAt(context, path, sha256);
  const output = await createOutput(path, { replace: true, mayReplace, sweep: false });
  try {
    await output.write(text);
    await output.commit(({ sha256 }) => noteWritten(context, { path, batch_id, sha256 }));
    return null;
  } catch (error) {
    await output.abort();
    throw error;
  }
}
