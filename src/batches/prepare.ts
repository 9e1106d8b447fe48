import { createHash } from 'node:crypto';
import { BatchError, type Problem } from '../errors.ts';
import type { AllowedFolders } from '../files/allowed-folders.ts';
import { tiers } from '../provider/models.ts';
import type { ProviderAccount, ProviderName } from '../provider/provider.ts';
import type { TaskEntry } from '../store/tasks-file.ts';
import { canonicalJson } from './canonical-json.ts';
import type { Limits } from './context.ts';
import { createCustomIds } from './custom-ids.ts';
import type { Report } from './jobs.ts';
import { createProblemList } from './problems.ts';
import { readItems } from './read-requests.ts';
import { checkShared, type RenderedTask, type Renderer, renderTask } from './render.ts';
import { type CostLine, createTally, promptBytes, type Tally } from './tally.ts';
import { createIdList, itemName, parseTask, type Task } from './task.ts';
import type { Work } from './work.ts';

/** Where prepared requests go: onto disk when they are to be sent, nowhere for an estimate. */
export type RequestSink = {
  add(entry: TaskEntry, request: Buffer): Promise<void> | void;
};

export type Prepared = {
  request_count: number;
  content_hash: string;
  /** What it takes, per model. */
  cost: CostLine[];
  /** What it would take if all of it went to one tier's model. */
  compare: { model_tier: (typeof tiers)[number]; cost: CostLine }[];
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
  const { work, provider, account, folders, limits } = preparation;
  const problems = createProblemList();
  const ids = createIdList();
  const customId = createCustomIds();
  const hash = createHash('sha256').update(canonicalJson([provider, account.base_url, account.workspace]));
  const tally = createTally();
  const comparison = tiers.map((tier) => ({ tier, tally: createTally() }));
  const warnings = new Map<string, number>();
  const taskTypes = new Set<string>();
  let count = 0;
  let firstRequest = '';

  problems.add(...checkShared(work.defaults, preparation));
  for await (const item of readItems(work.source, folders)) {
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
    if (bytes.length > limits.partBytes) problems.add(tooLarge(name, bytes.length, limits.partBytes));
    const retired = retirement(rendered, preparation.today);
    if (retired?.problem) problems.add({ ...retired.problem, item: name });
    if (problems.count > 0) continue;

    for (const warning of [...rendered.warnings, ...(retired?.warning ? [retired.warning] : [])]) {
      warnings.set(warning, (warnings.get(warning) ?? 0) + 1);
    }
    if (rendered.task_type !== undefined) taskTypes.add(rendered.task_type);
    if (firstRequest === '') firstRequest = request;
    hash.update(`\n${canonicalJson(rendered.identity)}`);
    countCost(rendered, tally, comparison, preparation);
    await sink.add(taskEntry(task, id, rendered), bytes);
  }

  problems.throwIfAny(REFUSED);
  if (count === 0) throw emptyWork(work);
  return {
    request_count: count,
    content_hash: hash.digest('hex'),
    cost: tally.lines(),
    compare: comparison.flatMap((each) =>
      each.tally.lines().map((cost) => ({ model_tier: each.tier, cost })),
    ),
    first_request: firstRequest,
    task_types: [...taskTypes],
    warnings: [...warnings].map(([text, times]) => (times === count ? text : `${text} (${times} tasks)`)),
  };
}

function tooLarge(item: string, bytes: number, limit: number): Problem {
  return {
    item,
    problem: `is ${bytes} bytes as a request, more than one batch can hold`,
    valid: `at most ${limit} bytes; split its input`,
  };
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

/** How long before a model's end its use is worth a warning, in days. */
const RETIREMENT_WARNING_DAYS = 60;

function retirement(
  { model }: RenderedTask,
  today: string,
): { problem?: Problem; warning?: string } | undefined {
  if (model.retires === null) return undefined;
  if (today >= model.retires) {
    return {
      problem: {
        field: 'model',
        problem: `${model.id} was retired on ${model.retires}`,
        valid: 'a model that is still served, or a model_tier',
      },
    };
  }
  const days = (Date.parse(model.retires) - Date.parse(today)) / 86_400_000;
  return days > RETIREMENT_WARNING_DAYS
    ? undefined
    : { warning: `${model.id} will be retired on ${model.retires}` };
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

function countCost(
  rendered: RenderedTask,
  tally: Tally,
  comparison: readonly { tier: (typeof tiers)[number]; tally: Tally }[],
  { catalog }: Preparation,
): void {
  const geo = rendered.params.inference_geo;
  const priced = {
    model: rendered.model,
    prompt_bytes: promptBytes(rendered.params),
    inference_geo: typeof geo === 'string' ? geo : null,
    expected_output_tokens: rendered.expected_output_tokens,
    max_tokens: rendered.max_tokens,
  };
  tally.add(priced);
  for (const { tier, tally: tierTally } of comparison) {
    const model = catalog.forTier(tier);
    tierTally.add({ ...priced, model, max_tokens: Math.min(priced.max_tokens, model.max_output_tokens) });
  }
}
