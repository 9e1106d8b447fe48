import { splitLines } from '../../lib/lines.ts';
import { sentId } from '../../lib/mark.ts';
import type { Dialect } from '../../provider/dialect.ts';
import { receivedOf, sentCount } from '../../state/parts.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import type { Blobs } from '../../store/store.ts';
import { type ExpectedTasks, tasksOfPart } from '../download/expected-tasks.ts';

/** A task in its shared request. */
export type PackedRow = { id: string; structured: boolean };

/** The requests of a part whose tasks share them, for checking a download. */
export type ExpectedPacks = {
  expected: ExpectedTasks;
  /** The tasks of a request, in its order; null if only one task has it. */
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

type Received = { blobs: Blobs; record: BatchRecord; part: Part; dialect: Dialect };

/** The lines received for these tasks of a part, each only once however many tasks share it. */
export async function* packLines(
  { blobs, record, part, dialect }: Received,
  ordinals: ReadonlySet<number>,
): AsyncGenerator<string> {
  const wanted = new Set<string>();
  for await (const tasks of tasksOfPart(blobs, record, part)) {
    for (const { ordinal, pack, custom_id } of tasks)
      if (ordinals.has(ordinal)) wanted.add(pack ?? custom_id);
  }
  const { expected } = await expectedPacks(blobs, record, part);
  const positions = new Set(
    [...wanted].map((id) => expected.position(id === part.mark?.own ? part.mark.sent : id)),
  );
  for await (const lines of splitLines(blobs.read(receivedOf(part)))) {
    for (const { bytes } of lines) {
      const id = dialect.results.count(bytes)?.request_id;
      const position = id === undefined ? undefined : expected.position(id);
      if (position !== undefined && positions.delete(position)) yield `${bytes.toString('utf8')}\n`;
    }
  }
}
