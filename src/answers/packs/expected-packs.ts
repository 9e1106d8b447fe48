import { sentId } from '../../lib/mark.ts';
import { sentCount } from '../../state/parts.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import type { Blobs } from '../../store/store.ts';
import type { ExpectedTasks } from '../download/expected-tasks.ts';
import { tasksOfPart } from '../download/tasks-of-part.ts';

/** A task in the request that it shares. */
export type PackedRow = { id: string; structured: boolean };

/** The requests of a part whose tasks share them: what a download is checked against. */
export type ExpectedPacks = {
  expected: ExpectedTasks;
  /** The tasks of a request, in its order; null for a task that has it for itself. */
  rows: (position: number) => readonly PackedRow[] | null;
};

type Request = {
  id: string;
  first: number;
  kind: ReturnType<ExpectedTasks['kind']>;
  rows: PackedRow[] | null;
};

export async function expectedPacks(
  blobs: Blobs,
  record: Pick<BatchRecord, 'request_count'>,
  part: Part,
): Promise<ExpectedPacks> {
  const requests: Request[] = [];
  const positions = new Map<string, number>();
  for await (const tasks of tasksOfPart(blobs, record, part)) {
    for (const { custom_id, ordinal, pack, model, task_type, effort, structured } of tasks) {
      const row = { id: custom_id, structured: structured === true };
      const known = pack === undefined ? undefined : requests[positions.get(pack) ?? -1];
      if (known !== undefined) {
        known.rows?.push(row);
        continue;
      }
      const id = pack ?? custom_id;
      positions.set(id, requests.length);
      const kind = { model, task_type: task_type ?? null, effort: effort ?? null };
      requests.push({ id, first: ordinal, kind, rows: pack === undefined ? null : [row] });
    }
  }
  const sent = new Map(requests.map(({ id }, position) => [sentId(part.mark, id), position]));
  const nothing = { model: '', task_type: null, effort: null };
  return {
    expected: {
      count: sentCount(part),
      mark: part.mark?.sent ?? null,
      position: (customId) => sent.get(customId),
      ordinal: (position) => requests[position]?.first ?? 0,
      kind: (position) => requests[position]?.kind ?? nothing,
      form: () => undefined,
      hasForms: false,
    },
    rows: (position) => requests[position]?.rows ?? null,
  };
}
