/** Runs on a thread of its own: gets blocks of lines, and gives for each what was made of it. */
import { parentPort, workerData } from 'node:worker_threads';
import type { LineBlock } from '../lib/line-blocks.ts';
import type { DialectName } from '../provider/dialect.ts';
import { dialectNamed } from '../provider/dialects.ts';
import { createModelCatalog, type ModelCatalogOptions } from '../provider/models.ts';
import type { OwnTemplate } from '../templates/own-template.ts';
import { createTemplates } from '../templates/templates.ts';
import { transferable } from './block.ts';
import { createExaminer, type Examination } from './examine.ts';
import { examineLines } from './examine-lines.ts';

/** An examination as data. */
export type ThreadExamination = Omit<Examination, 'dialect' | 'catalog' | 'templates'> & {
  dialect: DialectName;
  catalog: ModelCatalogOptions;
  templates: readonly OwnTemplate[];
};

const data: ThreadExamination = workerData;
const dialect = dialectNamed(data.dialect);
const examiner = createExaminer({
  ...data,
  dialect,
  catalog: createModelCatalog(dialect.models, data.catalog),
  templates: createTemplates(data.templates),
});

async function examine(lines: LineBlock): Promise<void> {
  await examineLines(lines, examiner);
  const block = examiner.take();
  parentPort?.postMessage(block, block === null ? [] : transferable(block));
}

// One block after another: a line that is not JSON is looked at asynchronously.
let work = Promise.resolve();
parentPort?.on('message', (lines: LineBlock) => {
  work = work.then(() => examine(lines));
});
