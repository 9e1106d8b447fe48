import { isSameKind, type TaskKind } from '../../cost/usage.ts';
import { sentId } from '../../lib/mark.ts';
import type { Effort } from '../../provider/models.ts';
import { readPartTasks } from '../../store/part-tasks.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import type { Blobs } from '../../store/store.ts';
import { openTasks } from '../../store/task-list.ts';
import type { AnswerForm } from '../answer-json.ts';

/** A task as a part sent it. */
type SentTask = {
  ordinal: number;
  custom_id: string;
  model: string;
  task_type?: string | undefined;
  structured?: true | undefined;
  schema?: string | undefined;
  effort?: Effort | undefined;
  /** The id of the request that it shares. */
  pack?: string | undefined;
};

/** The tasks that a part holds, ascending by ordinal, streamed in groups. */
export async function* tasksOfPart(
  blobs: Blobs,
  { request_count }: Pick<BatchRecord, 'request_count'>,
  part: Part,
): AsyncGenerator<SentTask[]> {
  if (part.tasks === 'listed') {
    yield* readPartTasks(blobs, part);
    return;
  }
  const end = part.first_task + part.request_count;
  let ordinal = part.first_task;
  for await (const entries of (await openTasks(blobs, request_count)).from(ordinal)) {
    const first = ordinal;
    ordinal += entries.length;
    yield entries.slice(0, end - first).map(({ custom_id, task_id, ...task }, index) => ({
      ordinal: first + index,
      custom_id: custom_id ?? task_id,
      model: task.model,
      task_type: task.task_type,
      effort: task.effort,
      structured: task.structured,
      schema: task.schema,
      pack: task.pack,
    }));
    if (ordinal >= end) return;
  }
}

/**
 * The tasks that a part was sent with, against which its results are checked. Positions count from 0, in the part's
 * order.
 */
export type ExpectedTasks = {
  readonly count: number;
  /** The position of the task that was sent under an id; undefined where none was. */
  position(customId: string): number | undefined;
  /** The mark that this part's results contain; null where it was sent without one. */
  readonly mark: string | null;
  /** The task's place among all tasks of the batch. */
  ordinal(position: number): number;
  kind(position: number): TaskKind;
  /** The form that its answer must have; undefined where any will do. */
  form(position: number): AnswerForm | undefined;
  /** Whether any has a form. */
  readonly hasForms: boolean;
};

const unknownKind: TaskKind = { model: '', task_type: null, effort: null };

/** One object for all tasks of a kind: a part can have a hundred thousand tasks. */
function createKinds() {
  const kinds: TaskKind[] = [];
  return (model: string, task_type: string | null, effort: Effort | null): TaskKind => {
    const known = kinds.find((kind) => isSameKind(kind, { model, task_type, effort }));
    if (known !== undefined) return known;
    const kind = { model, task_type, effort };
    kinds.push(kind);
    return kind;
  };
}

/** One object for all tasks of a schema, and none for tasks without. */
function createForms() {
  const known = new Map<string | null, AnswerForm>();
  const forms: (AnswerForm | undefined)[] = [];
  return {
    note(position: number, structured: true | undefined, schema: string | null) {
      if (!structured) return;
      const form = known.get(schema) ?? { schema };
      known.set(schema, form);
      forms[position] = form;
    },
    at: (position: number) => forms[position],
    isEmpty: () => forms.length === 0,
  };
}

/** Reads the tasks of a part, keeping only the few bytes that checking its results takes. */
export async function expectedTasks(
  blobs: Blobs,
  record: Pick<BatchRecord, 'request_count'>,
  part: Part,
): Promise<ExpectedTasks> {
  const positions = new Map<string, number>();
  const ordinals = new Uint32Array(part.request_count);
  const kinds: TaskKind[] = [];
  const kindOf = createKinds();
  const forms = createForms();
  let position = 0;
  for await (const tasks of tasksOfPart(blobs, record, part)) {
    for (const { custom_id, ordinal, model, task_type, effort, structured, schema } of tasks) {
      positions.set(sentId(part.mark, custom_id), position);
      ordinals[position] = ordinal;
      kinds[position] = kindOf(model, task_type ?? null, effort ?? null);
      forms.note(position, structured, schema ?? null);
      position += 1;
    }
  }
  return {
    count: part.request_count,
    mark: part.mark?.sent ?? null,
    position: (customId) => positions.get(customId),
    ordinal: (position) => ordinals[position] ?? 0,
    kind: (position) => kinds[position] ?? unknownKind,
    form: forms.at,
    hasForms: !forms.isEmpty(),
  };
}
