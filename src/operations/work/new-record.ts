import path from 'node:path';
import { totalOf } from '../../cost/cost-line.ts';
import type { CountedCosts } from '../../cost/count-sample.ts';
import { counted } from '../../lib/numbers.ts';
import type { ProviderAccount, ProviderName } from '../../provider/provider.ts';
import type { Context } from '../../state/context.ts';
import type { Ask } from '../../state/questions.ts';
import { ownershipOf } from '../../state/subject.ts';
import type { BatchRecord } from '../../store/record.ts';
import type { Prepared } from '../../tasks/prepare.ts';
import type { Work, WorkSource } from '../../tasks/work.ts';
import type { KnownWork } from './kept-work.ts';
import type { RequestedOutput } from './requested-output.ts';

/** Work, and how to submit it. */
export type SubmittedWork = {
  work: Work;
  provider: ProviderName;
  account: ProviderAccount;
  owner: Pick<BatchRecord, 'owner' | 'key'>;
  output: RequestedOutput;
  name: string | undefined;
  force_new: boolean;
  max_cost_usd: number | undefined;
  /** How many automatic retries there may be. */
  retries: number;
  idempotency_key: string | null;
  /** The checked work that it has to match, where it is submitted by a `work_id`. */
  known: KnownWork | null;
  /** Ends the preparation; work that is already sent is not called back. */
  signal: AbortSignal | undefined;
  ask: Ask | undefined;
};

export function newRecord(
  context: Pick<Context, 'project' | 'now' | 'subject' | 'isShared'>,
  batchId: string,
  submission: SubmittedWork,
  prepared: Prepared & CountedCosts,
  { parts, pilot_keys }: Pick<BatchRecord, 'parts'> & { pilot_keys: string[] },
): BatchRecord {
  const { work, provider, account, output } = submission;
  const total = totalOf(prepared.lines);
  return {
    schema: 1,
    batch_id: batchId,
    name: submission.name ?? makeName(work, prepared),
    project: context.project,
    ...ownershipOf(context),
    provider,
    base_url: account.base_url,
    workspace: account.workspace,
    created_at: context.now().toISOString(),
    content_hash: prepared.content_hash,
    idempotency_key: submission.idempotency_key,
    request_count: prepared.request_count,
    ...submission.owner,
    force_new: submission.force_new,
    adopted: false,
    estimate: { expected: total.expected_usd, maximum: total.maximum_usd, basis: prepared.rates.basis },
    ...outputsOf(output),
    source: work.source.kind,
    ...(prepared.form && { form: prepared.form }),
    ...(prepared.columns && { columns: [...prepared.columns] }),
    warnings: prepared.warnings,
    ...(submission.retries > 0 && { retries: { asked: submission.retries, stopped: null } }),
    ...(work.max_tasks !== undefined && { pilot_keys }),
    ...(work.expect && { expect: { ...work.expect } }),
    ...(work.variants && { variants: work.variants.map((variant) => variant.name) }),
    parts,
  };
}

/** The requested files, none of them written yet. */
function outputsOf({ file, answerFiles }: RequestedOutput): Pick<BatchRecord, 'outputs' | 'answer_files'> {
  const keyOf = (key: string | undefined) => (key === undefined ? {} : { key });
  const due = { written_at: null, problem: null };
  return {
    outputs: file === null ? [] : [{ path: file.path, ...due, ...keyOf(file.key) }],
    ...(answerFiles !== null && {
      answer_files: { pattern: answerFiles.pattern, ...due, ...keyOf(answerFiles.key), written: 0, left: [] },
    }),
  };
}

const LONGEST = 100;

/** A name for a batch without one, from its file and its task types, such as `orders: 12 tasks (analyze_logs)`. */
export function makeName(
  work: Work,
  { request_count, task_types }: Pick<Prepared, 'request_count' | 'task_types'>,
): string {
  const kinds = task_types.slice(0, 3).join(', ') + (task_types.length > 3 ? ', …' : '');
  const tasks = counted(request_count, 'task');
  const what = kinds === '' ? tasks : `${tasks} (${kinds})`;
  const source = sourceName(work.source);
  return (source === null ? what : `${source}: ${what}`).slice(0, LONGEST);
}

function sourceName(source: WorkSource): string | null {
  switch (source.kind) {
    case 'requests':
      return null;
    case 'requests_file':
    case 'rows_file':
      return path.basename(source.path).replace(/\.(jsonl?|ndjson|[ct]sv|txt)$/i, '');
    case 'input_files':
      return source.patterns.find((pattern) => !pattern.startsWith('!')) ?? null;
    case 'from_batch':
      return `from ${source.name}`;
  }
}
