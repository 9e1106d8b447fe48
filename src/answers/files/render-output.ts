import { dialectOf } from '../../provider/dialects.ts';
import type { Context } from '../../state/context.ts';
import { isCreated, receivedOf } from '../../state/parts.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import { type AnsweredItem, type AnsweredRow, byItem } from '../answer.ts';
import { isRetried } from '../figures/outcomes.ts';
import { createColumnFinder, csvOfRows, csvOfTasks } from '../formats/csv.ts';
import { csvOfVariants } from '../formats/csv-variants.ts';
import { freeName } from '../formats/flat-answer.ts';
import {
  jsonElement,
  jsonElementOfItem,
  jsonLine,
  jsonLineOfItem,
  STAND_IN,
  spliced,
} from '../formats/json.ts';
import { markdownHead, markdownSection } from '../formats/markdown.ts';
import { packLines } from '../packs/expected-packs.ts';
import { type Filters, isFiltered, select } from '../page/select.ts';
import { allRows, chunked, chunksOf } from '../view/passes.ts';
import { openView, type View } from '../view/view.ts';
import { entriesOf } from './answer-text.ts';
import type { OutputFormat } from './output-format.ts';

const NEWLINE = 10;
const LINE_END = Buffer.of(NEWLINE);

type Pieces = AsyncGenerator<string | Uint8Array>;

/** A batch's answers as a file of the format, piece by piece, in the caller's order. */
export async function* renderOutput(
  context: Context,
  record: BatchRecord,
  format: OutputFormat,
  { key, filters = {} }: { key?: string | undefined; filters?: Filters | undefined } = {},
): Pieces {
  const all = (standIn?: string) => allAnswers(context, record, filters, standIn);
  const answers = () =>
    key === undefined ? each(all()) : entriesOf(named(each(all())), key, format === 'md');
  const groups = (standIn?: string) => (key === undefined ? all(standIn) : inGroups(answers()));
  const { variants } = record;
  if (
    variants !== undefined &&
    key === undefined &&
    (format === 'json' || format === 'jsonl' || format === 'csv')
  ) {
    yield* renderItems(() => byItem(answers()), record, variants, format);
    return;
  }
  switch (format) {
    case 'raw':
      yield* rawLines(context, record, filters);
      return;
    case 'json':
      yield '[\n';
      yield* spliced(groups(STAND_IN), afterComma(jsonElement));
      yield '\n]\n';
      return;
    case 'jsonl':
      yield* spliced(groups(STAND_IN), jsonLine);
      return;
    case 'csv': {
      const { head, line } = await csvLayout(answers(), record);
      yield head;
      yield* texts(groups(), line);
      return;
    }
    case 'md':
      yield markdownHead(record);
      yield* texts(groups(), ({ answer }) => markdownSection(answer));
  }
}

/** One line for all answers to a row. */
async function* renderItems(
  items: () => AsyncGenerator<AnsweredItem>,
  { form, columns }: BatchRecord,
  variants: readonly string[],
  format: 'json' | 'jsonl' | 'csv',
): Pieces {
  if (format === 'json') {
    yield '[\n';
    const element = afterComma(jsonElementOfItem);
    for await (const item of items()) yield element(item);
    yield '\n]\n';
    return;
  }
  if (format === 'jsonl') {
    for await (const item of items()) yield jsonLineOfItem(item);
    return;
  }
  const { head, line } = await csvOfVariants(items(), variants, form, columns);
  yield head;
  for await (const item of items()) yield line(item);
}

/** If answers have lines of their own, a column says which variant they belong to. */
async function* named(answers: AsyncIterable<AnsweredRow>): AsyncGenerator<AnsweredRow> {
  for await (const answered of answers) {
    const { row, variant } = answered;
    const name = freeName('variant', 'batch', new Set(Object.keys(row ?? {})));
    yield variant === undefined ? answered : { ...answered, row: { ...row, [name]: variant } };
  }
}

/** The texts of a whole group: a promise for each of a hundred thousand takes as long as writing them. */
async function* texts<T>(groups: AsyncIterable<readonly T[]>, text: (item: T) => string): Pieces {
  for await (const group of groups) yield group.map(text).join('');
}

async function* each<T>(groups: AsyncIterable<readonly T[]>): AsyncGenerator<T> {
  for await (const group of groups) yield* group;
}

async function* inGroups<T>(items: AsyncIterable<T>): AsyncGenerator<T[]> {
  for await (const item of items) yield [item];
}

/** The texts of a list, with a comma before each but the first. */
function afterComma<T>(text: (item: T) => string): (item: T) => string {
  let before = '';
  return (item) => {
    const element = before + text(item);
    before = ',\n';
    return element;
  };
}

/** Finds the columns, which only the answers tell: for rows all answers, for other work those up to the first that leaves something out. */
async function csvLayout(answers: AsyncIterable<AnsweredRow>, { form, columns: written }: BatchRecord) {
  const finder = createColumnFinder(written);
  let ofRows = false;
  for await (const answered of answers) {
    ofRows ||= answered.row !== null;
    finder.add(answered);
    if (!ofRows && answered.answer.left_out !== undefined) break;
  }
  const columns = finder.columns();
  return ofRows ? csvOfRows(columns, form) : csvOfTasks(columns);
}

async function* rawLines(context: Context, record: BatchRecord, filters: Filters): Pieces {
  const blobs = context.store.blobs(record.batch_id);
  if (isRetried(record) || isFiltered(filters)) {
    yield* bestLines(context, record, filters);
    return;
  }
  for (const part of record.parts.filter(isCreated)) {
    if (part.progress.results === null) continue;
    let last: number | undefined;
    for await (const bytes of blobs.read(receivedOf(part))) {
      yield bytes;
      last = bytes.at(-1);
    }
    // The last line of a part may lack its newline, and must not run into the next part's first line.
    if (last !== undefined && last !== NEWLINE) yield '\n';
  }
}

/** Over several attempts only each task's best line, so that a reader finds every id once. Lines that tasks share come last. */
async function* bestLines(context: Context, record: BatchRecord, filters: Filters): Pieces {
  const view = await openView(context, record);
  const shared = new Map<Part, Set<number>>();
  for (const ordinals of await meantIn(view, filters)) {
    const own: number[] = [];
    for (const ordinal of ordinals) {
      const part = view.partOf(ordinal);
      if (part?.packs === undefined) own.push(ordinal);
      else shared.set(part, (shared.get(part) ?? new Set()).add(ordinal));
    }
    for (const line of await view.lines(own)) {
      if (line !== null) yield Buffer.concat([line, LINE_END]);
    }
  }
  const dialect = dialectOf(record.provider);
  const blobs = context.store.blobs(record.batch_id);
  for (const [part, ordinals] of shared) yield* packLines({ blobs, record, part, dialect }, ordinals);
}

/** The tasks that go into a file. */
export async function meantIn(view: View, filters: Filters): Promise<Iterable<number[]>> {
  return isFiltered(filters) ? chunked(await select(view, filters)) : chunksOf(view);
}

async function* allAnswers(
  context: Context,
  record: BatchRecord,
  filters: Filters,
  standIn?: string,
): AsyncGenerator<AnsweredRow[]> {
  const view = await openView(context, record);
  yield* allRows(view, await meantIn(view, filters), { standIn });
}
