/** Runs on a thread of its own: receives blocks of lines or rows, and returns what each of them becomes. */
import { parentPort, workerData } from 'node:worker_threads';
import { BatchError } from '../../errors.ts';
import { type PassedOn, taken } from '../../lib/exact-json.ts';
import type { LineBlock } from '../../lib/line-blocks.ts';
import { type ThreadFailure, toFailure } from '../../lib/thread.ts';
import type { DialectName } from '../../provider/dialect.ts';
import { dialectNamed } from '../../provider/dialects.ts';
import { createModelCatalog, type ModelCatalogOptions } from '../../provider/models.ts';
import type { OwnTemplate } from '../../templates/own-template.ts';
import { createTemplates } from '../../templates/templates.ts';
import { type Block, transferable } from '../block.ts';
import { type FoundFiles, itemsOfFiles } from '../sources/files/files-source.ts';
import type { Skipped } from '../sources/files/skipped.ts';
import { itemsIn, type RowBytes } from '../sources/rows-source.ts';
import { examineLines } from './examine-lines.ts';
import type { Examination } from './examine-task.ts';
import { createExaminer } from './examiner.ts';

/** The settings, which may hold exact numbers. */
type Settings = Pick<Examination, 'defaults' | 'variants'>;

/** An examination as data. */
export type ThreadExamination = Omit<Examination, 'dialect' | 'catalog' | 'templates' | keyof Settings> & {
  settings: PassedOn;
  dialect: DialectName;
  catalog: ModelCatalogOptions;
  templates: readonly OwnTemplate[];
};

/** What tasks are made from: bytes, or files to be read. */
export type ThreadWork =
  | { kind: 'lines'; lines: LineBlock }
  | { kind: 'rows'; rows: RowBytes }
  | { kind: 'files'; files: FoundFiles };

/** A part of the result of a piece of work, null for one without items, and what was left out of it. */
export type ExaminedPart = { block: Block | null; last: boolean; skipped: Skipped };

/** The same, or why the work can't be read. */
export type Examined = ExaminedPart | { failure: ThreadFailure };

const say = (examined: Examined, transferred: ArrayBuffer[] = []) =>
  parentPort?.postMessage(examined, transferred);

const { settings, ...data }: ThreadExamination = workerData;
const { defaults, variants }: Settings = taken(settings);
const dialect = dialectNamed(data.dialect);
const examiner = createExaminer({
  ...data,
  defaults,
  variants,
  dialect,
  catalog: createModelCatalog(dialect.models, data.catalog),
  templates: createTemplates(data.templates),
});

/** A block this full is handed over before more is added. */
const LARGE = 4;

let goOn = () => {};
/** What was left out since the last part. */
const skipped: Skipped = new Map();

async function pass(last: boolean): Promise<void> {
  const block = examiner.take();
  say({ block, last, skipped }, block === null ? [] : transferable(block));
  skipped.clear();
  if (last) return;
  await new Promise<void>((resolve) => {
    goOn = resolve;
  });
}

/** A short row can have a long prompt, so there is no bound on what a block becomes. */
const passLarge = () => (examiner.fullness >= LARGE ? pass(false) : null);

async function examine(work: ThreadWork): Promise<void> {
  try {
    if (work.kind === 'lines') await examineLines(work.lines, examiner, { added: passLarge });
    else if (work.kind === 'files') {
      for await (const item of itemsOfFiles(work.files, skipped)) {
        examiner.addItem(item);
        const passed = passLarge();
        if (passed) await passed;
      }
    } else {
      for (const item of itemsIn(work.rows)) {
        examiner.addItem(item);
        const passed = passLarge();
        if (passed) await passed;
      }
    }
    await pass(true);
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    say({ failure: toFailure(error) });
  }
}

// One piece of work at a time: a line that is not JSON is examined asynchronously.
let work = Promise.resolve();
parentPort?.on('message', (message: ThreadWork | 'go on') => {
  if (message === 'go on') goOn();
  else work = work.then(() => examine(message));
});
