import { totalOf } from '../../cost/cost-line.ts';
import { createCostSheet } from '../../cost/cost-sheet.ts';
import { tokenizerRates } from '../../cost/input-rate.ts';
import { BatchError } from '../../errors.ts';
import { dialectOf } from '../../provider/dialects.ts';
import type { Context } from '../../state/context.ts';
import type { BatchRecord } from '../../store/record.ts';
import type { Block } from '../../tasks/block.ts';
import { createExaminer } from '../../tasks/examine/examiner.ts';
import { sampled } from '../../tasks/gather.ts';
import { knownModels } from '../../tasks/live-models.ts';
import { TO_COME } from '../../tasks/sources/answers-source.ts';
import { mergedRow, stageTaskId } from '../../tasks/sources/merged-source.ts';
import type { SourceRow } from '../../tasks/sources/source-row.ts';
import { requestText } from '../../tasks/write/write-bodies.ts';
import { readWork } from './work-blob.ts';

type CostSheet = ReturnType<typeof createCostSheet>;

/** Makes the requests of a merge's stages, with the settings that it was submitted with. */
type StageRequests = {
  /** How many answers are merged into one. */
  size: number;
  /** Makes the request of a task and adds its costs to `sheet`. Throws `invalid_input`. */
  make(row: SourceRow, sheet: CostSheet): Block;
  newSheet(): CostSheet;
};

export async function openStageRequests(context: Context, record: BatchRecord): Promise<StageRequests> {
  const { provider, batch_id } = record;
  const { defaults, merge } = await readWork(context.store.blobs(batch_id));
  const dialect = dialectOf(provider);
  const catalog = context.catalog.withLive(await knownModels(context, provider));
  const today = context.now().toISOString().slice(0, 10);
  const { partBytes } = context.limits;
  const places = 'answer' as const;
  const examiner = createExaminer({
    ...context,
    catalog,
    dialect,
    defaults,
    partBytes,
    today,
    nonce: '',
    places,
  });
  return {
    size: typeof merge === 'number' ? merge : 2,
    newSheet: () => createCostSheet(dialect, () => undefined),
    make(row, sheet) {
      examiner.addItem(row);
      const block = examiner.take();
      if (block === null) throw new BatchError('internal', 'A task of the merge became no request.');
      const [problem] = block.problems;
      if (problem !== undefined)
        throw new BatchError('invalid_input', problem.problem.problem, { problems: [problem.problem] });
      sheet.merge(block.costs, 1, () => sampled(requestText(block.requests, 0), dialect, catalog));
      return block;
    },
  };
}

/** The cost of the requests in a sheet, in US dollars. */
export async function stageCost(
  { provider }: Pick<BatchRecord, 'provider'>,
  sheet: CostSheet,
  requests: number,
): Promise<{ expected_usd: number; maximum_usd: number }> {
  const { sample, tally } = sheet.finish();
  return totalOf(tally.lines(await tokenizerRates(dialectOf(provider), sample, requests)));
}

/** The cost of one task of a stage whose answers have not come yet, in US dollars. */
export async function costToCome(
  record: BatchRecord,
  requests: StageRequests,
): Promise<{ expected_usd: number; maximum_usd: number }> {
  const { size } = requests;
  const sheet = requests.newSheet();
  const row = mergedRow([{ id: '', text: TO_COME }], { number: 1, task_id: stageTaskId(2, 1) });
  requests.make({ ...row, kept: { count: size }, awaited: { kind: 'own', answers: size } }, sheet);
  return stageCost(record, sheet, 1);
}
