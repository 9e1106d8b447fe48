import { stringify } from 'csv-stringify/sync';
import type { Context } from '../state/context.ts';
import { isCreated } from '../state/parts.ts';
import { readStoreFile } from '../store/files/store-files.ts';
import type { BatchRecord } from '../store/record.ts';
import type { Answer } from './answer.ts';
import { isRetried } from './outcomes.ts';
import type { OutputFormat } from './output-format.ts';
import { openView } from './view.ts';

/** Answers read at a time; in memory only as long as they are worked on. */
const CHUNK = 100;
const NEWLINE = 10;

type Pieces = AsyncGenerator<string | Uint8Array>;

/** A batch's answers as a file of the format, piece by piece, in the caller's order. */
export async function* renderOutput(context: Context, record: BatchRecord, format: OutputFormat): Pieces {
  if (format === 'raw') {
    yield* rawLines(context, record);
    return;
  }
  const { head, row, between, tail } = layouts[format](record);
  yield head;
  let first = true;
  for await (const answer of allAnswers(context, record)) {
    yield (first ? '' : between) + row(answer);
    first = false;
  }
  yield tail;
}

async function* rawLines(context: Context, record: BatchRecord): Pieces {
  const folder = context.store.folder(record.batch_id);
  if (isRetried(record)) {
    yield* bestLines(context, record);
    return;
  }
  for (const part of record.parts.filter(isCreated)) {
    if (part.progress.results === null) continue;
    let last: number | undefined;
    for await (const bytes of readStoreFile(folder.partResults(part.number))) {
      yield bytes;
      last = bytes.at(-1);
    }
    // The last line of a part may have no end, and is not to run into the next part's first.
    if (last !== undefined && last !== NEWLINE) yield '\n';
  }
}

/** Of several attempts each task's best line alone: a reader finds every id once. */
async function* bestLines(context: Context, record: BatchRecord): Pieces {
  const view = await openView(context, record);
  try {
    for (let ordinal = 0; ordinal < view.count; ordinal += 1) {
      const line = await view.line(ordinal);
      if (line !== null) yield `${line}\n`;
    }
  } finally {
    await view.close();
  }
}

async function* allAnswers(context: Context, record: BatchRecord): AsyncGenerator<Answer> {
  const view = await openView(context, record);
  try {
    for (let start = 0; start < view.count; start += CHUNK) {
      const length = Math.min(CHUNK, view.count - start);
      yield* await view.answers(Array.from({ length }, (_, index) => start + index));
    }
  } finally {
    await view.close();
  }
}

type Layout = { head: string; row: (answer: Answer) => string; between: string; tail: string };

const layouts: Record<Exclude<OutputFormat, 'raw'>, (record: BatchRecord) => Layout> = {
  json: () => ({
    head: '[\n',
    row: (answer) => JSON.stringify(flattened(answer)),
    between: ',\n',
    tail: '\n]\n',
  }),
  jsonl: () => ({
    head: '',
    row: (answer) => `${JSON.stringify(complete(answer))}\n`,
    between: '',
    tail: '',
  }),
  csv: () => ({ head: csv(csvColumns), row: (answer) => csv(csvRow(answer)), between: '', tail: '' }),
  md: (record) => ({
    head: `# ${oneLine(record.name)}\n${markdownNote(record)}`,
    row: markdown,
    between: '',
    tail: '',
  }),
};

/** The shape of the guide's results file: one flat object per task. */
function flattened({ task_id, outcome, text, json, tool_calls, stop_reason, error, details }: Answer) {
  const success = outcome === 'succeeded';
  const has = text !== undefined || json !== undefined;
  return {
    task_id,
    success,
    output: has
      ? {
          content: text ?? JSON.stringify(json),
          ...(json !== undefined && { json }),
          ...(tool_calls && { tool_calls }),
          usage: details?.usage ?? null,
          model: details?.model ?? null,
          stop_reason: stop_reason ?? null,
        }
      : null,
    error: error ? `${error.type}: ${error.message}` : success ? null : outcome,
    outcome,
  };
}

function complete({ details, ...answer }: Answer) {
  return { ...answer, ...details };
}

const csvColumns = [
  'task_id',
  'outcome',
  'answer',
  'error_type',
  'error_message',
  'model',
  'input_tokens',
  'output_tokens',
];

function csvRow({ task_id, outcome, text, json, error, details }: Answer): string[] {
  const { usage, model } = details ?? {};
  return [
    task_id,
    outcome,
    text ?? (json === undefined ? '' : JSON.stringify(json)),
    error?.type ?? '',
    error?.message ?? '',
    model ?? '',
    String(usage?.input_tokens ?? ''),
    String(usage?.output_tokens ?? ''),
  ].map(withoutFormula);
}

/** A spreadsheet runs a cell that begins like a formula; an answer is data. A plain number stays one. */
function withoutFormula(cell: string): string {
  return /^[=+\-@\t\r]/.test(cell) && !/^[+-]?\d+(\.\d+)?$/.test(cell) ? `'${cell}` : cell;
}

function csv(row: string[]): string {
  return stringify([row]);
}

function markdownNote({ provider }: BatchRecord): string {
  return provider === 'sandbox' ? '\nThese answers are made up: they come from the sandbox.\n' : '';
}

function markdown({ task_id, outcome, text, json, error }: Answer): string {
  const body = json === undefined ? (text ?? '') : `\`\`\`json\n${JSON.stringify(json, null, 2)}\n\`\`\``;
  const note = error
    ? `*${outcome}: ${error.type}: ${oneLine(error.message)}*\n\n`
    : outcome === 'succeeded'
      ? ''
      : `*${outcome}*\n\n`;
  return `\n## ${oneLine(task_id)}\n\n${note}${body}\n`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}
