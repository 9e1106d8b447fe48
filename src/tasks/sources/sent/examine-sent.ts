import type { Dialect } from '../../../provider/dialect.ts';
import type { TaskEntry } from '../../../store/task-entry.ts';
import type { Tasks } from '../../../store/task-list.ts';
import { type Block, createBlockBuilder } from '../../block.ts';
import { checkRendered } from '../../examine/check-rendered.ts';
import { createNonce } from '../../ids.ts';
import type { Rendering } from '../../render/rendered-task.ts';
import { createSchemaHashes } from '../../schemas.ts';
import { itemName } from '../../task.ts';
import type { KnownTasks } from '../../write/write-listed-parts.ts';
import type { ChangedRequests, SentChanges, SentSource } from './change-sent.ts';
import type { Correction } from './corrections.ts';
import { createPackReader, createRegrouping, type SharedTask, sharesRequest } from './regroup.ts';
import type { ChosenTask, SentRequest, SentRequests } from './sent-requests.ts';

/** What is known of it: how it was sent last, or what corrects it. */
export type SentItem = { selected: ChosenTask; entry: TaskEntry; source: SentSource };

export type SentBlock = Block & KnownTasks;

export type SentExaminer = {
  add(item: SentItem): void;
  /** What waits to share a request is made into requests. */
  flush(): void;
  readonly isFull: boolean;
  /** Everything since the last call; null where there was no request. */
  take(): SentBlock | null;
  /** Those that were cut off and can't get longer. */
  readonly atLimit: ReadonlySet<number>;
};

/** How many tasks' entries are read at a time. */
const CHUNK = 100;

/** The chosen tasks with their requests, in the caller's order, read as they are wanted. */
export async function* sentItems(
  tasks: Tasks,
  sent: SentRequests,
  chosen: readonly ChosenTask[],
  corrections: ReadonlyMap<number, Correction>,
): AsyncGenerator<SentItem> {
  for (let start = 0; start < chosen.length; start += CHUNK) {
    const chunk = chosen.slice(start, start + CHUNK);
    const ordinals = chunk.map(({ ordinal }) => ordinal);
    const entries = await tasks.read(ordinals);
    const requests = sent(ordinals.filter((ordinal) => !corrections.has(ordinal)));
    for (const [index, selected] of chunk.entries()) {
      const entry = entries[index];
      const correction = corrections.get(selected.ordinal);
      const request = correction ? undefined : (await requests.next()).value;
      const source = correction ? { correction } : request && { sent: request };
      if (entry !== undefined && source) yield { selected, entry, source };
    }
  }
}

/** Checks and renders what is sent again, in blocks. */
export async function* examineSent(
  items: AsyncIterable<SentItem>,
  examiner: SentExaminer,
): AsyncGenerator<SentBlock> {
  for await (const item of items) {
    examiner.add(item);
    if (!examiner.isFull) continue;
    // No task of a later block may come before one of this block.
    examiner.flush();
    const block = examiner.take();
    if (block !== null) yield block;
  }
  examiner.flush();
  const block = examiner.take();
  if (block !== null) yield block;
}

type Surroundings = Parameters<typeof checkRendered>[2] & { dialect: Dialect };

/** Changes requests that were sent, puts together those that share one, and checks them anew. */
export function createSentExaminer(
  surroundings: Surroundings,
  requests: Pick<ChangedRequests, 'make' | 'makeShared'>,
  { output_schema }: SentChanges,
): SentExaminer {
  const { dialect } = surroundings;
  const hashes = createSchemaHashes();
  const regrouping = createRegrouping<SharedTask>(createPackReader(dialect));
  const nonce = createNonce();
  const atLimit = new Set<number>();
  const createBlock = () => createBlockBuilder(dialect, { isPacked: true, before: null });
  let block = createBlock();
  let ordinals: number[] = [];
  let corrected = new Set<number>();

  /** One request, of one task or of several that share it. */
  function addRequest(made: readonly Made[], rendering: Rendering | 'at_limit', place: string): void {
    const [first] = made;
    if (first === undefined) return;
    const number = first.selected.ordinal + 1;
    const item = itemName(place, first.entry.task_id);
    if (rendering === 'at_limit') {
      for (const { selected } of made) atLimit.add(selected.ordinal);
      return;
    }
    block.countItem(made.length);
    if (!rendering.ok) {
      block.addProblems(
        number,
        rendering.problems.map((problem) => ({ ...problem, item })),
      );
      return;
    }
    const { rendered } = rendering;
    const isShared = first.sent !== undefined && sharesRequest(first.sent, first.entry);
    const pack = isShared ? `pack_${number}_${nonce}` : undefined;
    const id = pack ?? first.entry.custom_id ?? first.entry.task_id;
    const bytes = block.addRequest(dialect.requests.encode(id, rendered.params));
    const { problems, warnings } = checkRendered(rendered, bytes, surroundings);
    block.addProblems(
      number,
      problems.map((problem) => ({ ...problem, item })),
    );

    // What is sent again unchanged is checked as it is: its request has the schema in the API's form.
    const isKept = output_schema === undefined;
    const asked = isShared && isKept ? undefined : rendered.answer_schema;
    const schema = asked && hashes.of(asked.schema);
    if (schema && asked) {
      block.addSchema(schema.hash, { schema: schema.schema, number, item, field: asked.field });
    }
    const tasks = made.map(({ selected, entry, sent }) => {
      const kept = sent && isKept ? (sent.schema ?? entry.schema) : undefined;
      const hash = isShared ? (kept ?? schema?.hash) : schema && (kept ?? schema.hash);
      ordinals.push(selected.ordinal);
      if (sent?.corrected ?? true) corrected.add(selected.ordinal);
      return {
        task_id: entry.task_id,
        ...(entry.custom_id !== undefined && { custom_id: entry.custom_id }),
        ...(rendered.task_type !== undefined && { task_type: rendered.task_type }),
        model: rendered.model.id,
        ...(rendered.effort !== null && { effort: rendered.effort }),
        ...(hash !== undefined && { structured: true as const, schema: hash }),
        ...(pack !== undefined && { pack }),
      };
    });
    const { variant } = first.entry;
    const priced = variant === undefined ? rendered : { ...rendered, variant };
    block.addTasks(
      tasks.map((entry) => ({ entry, rendered: priced, warnings })),
      priced,
    );
  }

  const placeOf = ({ ordinal }: ChosenTask) => `task ${ordinal + 1}`;
  function addShared(groups: readonly SharedTask[][]): void {
    for (const group of groups) {
      const [first] = group;
      if (first !== undefined) addRequest(group, requests.makeShared(group), placeOf(first.selected));
    }
  }

  return {
    add({ selected, entry, source }) {
      if ('sent' in source && sharesRequest(source.sent, entry)) {
        addShared(regrouping.add({ selected, entry, sent: source.sent }));
        return;
      }
      addShared(regrouping.flush());
      const place = 'correction' in source ? source.correction.place : placeOf(selected);
      const made = { selected, entry, ...('sent' in source && { sent: source.sent }) };
      addRequest([made], requests.make(selected, entry, source), place);
    },
    flush: () => addShared(regrouping.flush()),
    get isFull() {
      return block.fullness >= 1;
    },
    take() {
      const taken = block.take();
      const known = { ordinals, corrected };
      block = createBlock();
      ordinals = [];
      corrected = new Set();
      return taken && { ...taken, ...known };
    },
    atLimit,
  };
}

/** A task of a request; `sent` is what it was sent in, where it is not corrected. */
type Made = { selected: ChosenTask; entry: TaskEntry; sent?: SentRequest };
