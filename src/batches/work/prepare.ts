import { createHash } from 'node:crypto';
import { BatchError } from '../../errors.ts';
import type { AllowedFolders } from '../../files/allowed-folders.ts';
import type { ProviderAccount, ProviderName } from '../../provider/provider.ts';
import type { TaskEntry } from '../../store/tasks-file.ts';
import type { Limits } from '../context.ts';
import { type Costs, createCostSheet } from '../cost/cost-sheet.ts';
import type { KnownOutput } from '../cost/tally.ts';
import type { Report } from '../jobs.ts';
import { canonicalJson } from './canonical-json.ts';
import { createCustomIds } from './custom-ids.ts';
import { createProblemList } from './problems.ts';
import { readItems } from './read-requests.ts';
import { checkShared, type RenderedTask, type Renderer, renderTask } from './render.ts';
import { checkRendered, createWarningList } from './rendered-request.ts';
import { createIdList, itemName, parseTask, type Task } from './task.ts';
import type { Work } from './work.ts';

/** Where prepared requests go: onto disk when they are to be sent, nowhere for an estimate. */
export type RequestSink = {
  add(entry: TaskEntry, request: Buffer): Promise<void> | void;
};

export type Prepared = {
  request_count: number;
  content_hash: string;
  costs: Costs;
  /** The first request as it would be sent. */
  first_request: string;
  task_types: string[];
  warnings: string[];
};

export type Preparation = Renderer & {
  work: Work;
  provider: ProviderName;
  account: ProviderAccount;
  folders: AllowedFolders;
  limits: Pick<Limits, 'partBytes'>;
  today: string;
  /** Ends the preparation: nothing of it is kept. */
  signal?: AbortSignal | undefined;
  /** What answers took before, where that is known. */
  knownOutput: KnownOutput;
};

const REFUSED = 'The work was refused; nothing was sent and nothing was paid. Correct this and call again:';

/**
 * Reads, checks, renders, counts and hashes the work in one pass, whatever its size, and hands each request
 * to `sink`. Throws `invalid_input` with all problems at once; the sink's work is then for nothing.
 */
export async function prepare(
  preparation: Preparation,
  sink: RequestSink,
  report: Report,
): Promise<Prepared> {
  const { work, provider, account, folders, limits, signal } = preparation;
  const problems = createProblemList();
  const ids = createIdList();
  const customId = createCustomIds();
  const hash = createHash('sha256').update(canonicalJson([provider, account.base_url, account.workspace]));
  const sheet = createCostSheet(preparation.knownOutput);
  const warnings = createWarningList();
  const taskTypes = new Set<string>();
  let count = 0;
  let firstRequest = '';

  problems.add(...checkShared(work.defaults, preparation));
  for await (const item of readItems(work.source, folders, limits.partBytes)) {
    if (signal?.aborted) throw givenUp();
    if (work.max_tasks !== undefined && count >= work.max_tasks) break;
    count += 1;
    if (count % 1000 === 0) report({ stage: 'preparing', done: count, total: null });
    if ('problem' in item) {
      problems.add(item.problem);
      continue;
    }
    const duplicate = ids.note(item.value, item.place);
    if (duplicate) problems.add(duplicate);
    const parsed = parseTask(item.value, item.place);
    if (!parsed.ok) {
      problems.add(...parsed.problems);
      continue;
    }
    const { task } = parsed;
    const name = itemName(item.place, task.task_id);
    const rendering = renderTask(task, work.defaults, preparation);
    if (!rendering.ok) {
      problems.add(...rendering.problems.map((problem) => ({ ...problem, item: name })));
      continue;
    }
    const { rendered } = rendering;
    const id = customId(task.task_id, count - 1);
    const request = JSON.stringify({ custom_id: id, params: rendered.params });
    const bytes = Buffer.from(request);
    const found = checkRendered(rendered, bytes.length, { ...preparation, ...limits });
    problems.add(...found.problems.map((problem) => ({ ...problem, item: name })));
    if (problems.count > 0) continue;

    warnings.add(found.warnings);
    if (rendered.task_type !== undefined) taskTypes.add(rendered.task_type);
    if (firstRequest === '') firstRequest = request;
    hash.update(`\n${canonicalJson(rendered.identity)}`);
    sheet.add(rendered);
    await sink.add(taskEntry(task, id, rendered), bytes);
  }

  if (signal?.aborted) throw givenUp();
  problems.throwIfAny(REFUSED);
  if (count === 0) throw emptyWork(work);
  return {
    request_count: count,
    content_hash: hash.digest('hex'),
    costs: sheet.finish(),
    first_request: firstRequest,
    task_types: [...taskTypes],
    warnings: warnings.texts(count),
  };
}

export function givenUp(): BatchError {
  return new BatchError(
    'wrong_state',
    'The call was cancelled while the work was prepared. Nothing was sent or paid.',
  );
}

function emptyWork({ source, max_tasks }: Work): BatchError {
  return new BatchError('invalid_input', REFUSED, {
    problems: [
      max_tasks === undefined || max_tasks > 0
        ? { field: source.kind, problem: 'holds no tasks', valid: 'at least one task' }
        : { field: 'max_tasks', problem: 'leaves no task', valid: 'at least 1' },
    ],
  });
}

function taskEntry(task: Task, customId: string, rendered: RenderedTask): TaskEntry {
  return {
    task_id: task.task_id,
    ...(customId !== task.task_id && { custom_id: customId }),
    ...(rendered.task_type !== undefined && { task_type: rendered.task_type }),
    model: rendered.model.id,
    ...(rendered.structured && { structured: true as const }),
    expected_output_tokens: rendered.expected_output_tokens,
  };
}
