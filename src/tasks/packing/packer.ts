import { expectedThinking } from '../../cost/thinking.ts';
import { stringifyExact } from '../../lib/exact-json.ts';
import type { Dialect, PromptSize } from '../../provider/dialect.ts';
import type { Effort, Model } from '../../provider/models.ts';
import type { TaskEntry } from '../../store/task-entry.ts';
import { withoutNonces } from '../ids.ts';
import type { RenderedTask, Sharing } from '../render/rendered-task.ts';

/** A task that waits for others to share its request. */
export type HeldTask = {
  entry: TaskEntry;
  /** The request as it would be sent alone. */
  rendered: RenderedTask & { sharing: Sharing };
  /** Its place in the caller's list, from 1. */
  number: number;
  warnings: string[];
};

/** With more tasks than this in a request, too many answers are left out. */
export const MOST_PACKED = 100;

/** The tokens of an entry besides the row's answer: its id and the keys. */
const ENTRY_TOKENS = 25;
/** The factor by which an answer's room exceeds its expected length. */
const ROOM = 2;

/** How many answers of this length a model can give at once, with enough room that none is cut off. */
function mostRows(
  model: Model,
  effort: Effort | null,
  answer: { max_tokens: number; expected_output_tokens: number },
): number {
  const expected = ROOM * answer.expected_output_tokens + expectedThinking(model, { effort, thinks: null });
  const each = Math.min(answer.max_tokens, expected) + ENTRY_TOKENS;
  return Math.max(1, Math.floor(model.max_output_tokens / each));
}

/** The limit of the answer to a pack, from the limits for its rows. */
export function packMaximum(model: Model, rows: readonly number[]): number {
  const sum = rows.reduce((total, max_tokens) => total + max_tokens + ENTRY_TOKENS, 0);
  return Math.min(sum, model.max_output_tokens);
}

/** The expected length of the answer to a pack. */
export function packExpected(rows: readonly number[], max_tokens: number): number {
  return Math.min(
    max_tokens,
    rows.reduce((total, expected) => total + expected + ENTRY_TOKENS, 0),
  );
}

/** Tasks in one request: the first represents what they have in common. */
export function packOf(held: Group, { requests }: Pick<Dialect, 'requests'>): RenderedTask {
  const [{ rendered: first }] = held;
  const max_tokens = packMaximum(
    first.model,
    held.map(({ rendered }) => rendered.max_tokens),
  );
  const rows = held.map(({ entry, rendered }) => ({
    ...rendered.sharing.row,
    id: entry.custom_id ?? entry.task_id,
  }));
  const render = (ids: (id: string) => string) =>
    requests.render({
      ...first.sharing.request,
      max_tokens,
      rows: rows.map((row) => ({ ...row, id: ids(row.id) })),
    });
  const params = render((id) => id);
  const { sharing: _own, ...shared } = first;
  return {
    ...shared,
    params,
    prompt: held.reduce(
      (size, { rendered }) => rendered.sharing.withAwaited(size),
      requests.size(render(withoutNonces)),
    ),
    max_tokens,
    expected_output_tokens: packExpected(
      held.map(({ rendered }) => rendered.expected_output_tokens),
      max_tokens,
    ),
    tasks: held.length,
    warnings: [],
  };
}

const BYTES_PER_TOKEN = 4;
/** A guess must not make the bill jump. */
const MARGIN = 1.25;

/** Whether the prompt of a pack is so long that each of its tokens costs more than those of its tasks would. */
export function isDearer({ model, prompt }: RenderedTask, alone: RenderedTask): boolean {
  const most = model.long_prompt?.above_tokens ?? Number.POSITIVE_INFINITY;
  const tokens = ({ bytes }: PromptSize) => (bytes / BYTES_PER_TOKEN) * model.token_factor * MARGIN;
  return tokens(prompt) > most && tokens(alone.prompt) <= most;
}

/** What tasks have to have in common to share a request. */
const keyOf = ({ model, effort, task_type, sharing: { request } }: HeldTask['rendered']): string => {
  const { system, prompt, output_schema } = request;
  return stringifyExact([model.id, effort, task_type, system, prompt, output_schema]);
};

/** The tasks of an item: one, or one per variant, in their order. */
type HeldItem = readonly [HeldTask, ...HeldTask[]];

export type Packer = {
  add(item: HeldItem): void;
  /** Emits the remaining tasks. */
  flush(): void;
  /** How many tasks wait. */
  readonly held: number;
};

/** Tasks that are to share a request. */
export type Group = readonly [HeldTask, ...HeldTask[]];

/**
 * Groups consecutive items, up to `size` of them, and passes them to `emit`: one group, or one per variant, since
 * variants never share a request.
 */
export function createPacker(size: number, emit: (groups: Group[], wasShortened: boolean) => void): Packer {
  let items: HeldItem[] = [];
  let key = '';
  let most = size;

  function flush(): void {
    const [first, ...others] = items;
    items = [];
    if (first === undefined) return;
    const groups = first.map((task, index): Group => [task, ...others.flatMap((item) => item[index] ?? [])]);
    emit(groups, most < size);
  }

  return {
    add(item) {
      const next = item.map(({ rendered }) => keyOf(rendered)).join('\n');
      if (next !== key) flush();
      key = next;
      if (items.length === 0) most = size;
      const fitting = item.map(({ rendered }) => mostRows(rendered.model, rendered.effort, rendered));
      most = Math.min(most, ...fitting);
      if (items.length >= most) flush();
      items.push(item);
      if (items.length >= most) flush();
    },
    flush,
    get held() {
      return items.reduce((tasks, item) => tasks + item.length, 0);
    },
  };
}
