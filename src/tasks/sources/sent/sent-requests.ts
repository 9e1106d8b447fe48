import { BatchError } from '../../../errors.ts';
import type { Dialect, Params } from '../../../provider/dialect.ts';
import { partBody, TASKS_INDEX } from '../../../store/names.ts';
import { readPartTasks } from '../../../store/part-tasks.ts';
import type { BatchRecord, Part } from '../../../store/record.ts';
import type { Blobs, Span } from '../../../store/store.ts';
import { requireAsWritten } from '../../../store/stored-json.ts';
import { openTasks } from '../../../store/task-list.ts';

/** A request as it is in a body that was sent. */
export type SentRequest = {
  /** Differs from the task's where it shares the request. */
  id: string;
  params: Params;
  /** The hash of the schema that its answer was checked by; undefined where the batch's own list has it. */
  schema: string | undefined;
  /** Whether its task was replaced since submission. */
  corrected: boolean;
};

/** The requests of a batch, each as it was sent last: those of these tasks, in the order asked for, read as they are wanted. */
export type SentRequests = (ordinals: readonly number[]) => AsyncGenerator<SentRequest>;

/** Requests are read together up to this many bytes of them, as each read has its price. */
const READ_TOGETHER_BYTES = 1024 * 1024;

type Spans = {
  part: Part;
  span: (ordinal: number) => Span | null;
  schema?: (ordinal: number) => string | undefined;
  isCorrected?: (ordinal: number) => boolean;
};

/** Throws `store_damaged`, now or at reading, where a request can't be cut out of what was sent. */
export async function openSentRequests(
  blobs: Blobs,
  record: Pick<BatchRecord, 'request_count' | 'parts'>,
  { requests }: Dialect,
): Promise<SentRequests> {
  const tasks = await openTasks(blobs, record.request_count);
  const written = record.parts.filter(({ body_bytes }) => body_bytes > 0);
  // The newest first: a task that was sent again was perhaps changed then.
  const newestFirst = await Promise.all(
    written.toReversed().map(async (part): Promise<Spans> => {
      if (part.tasks === 'listed') return { part, ...(await listedSpans(blobs, part)) };
      const end = part.first_task + part.request_count;
      return {
        part,
        span: (ordinal) => (ordinal >= part.first_task && ordinal < end ? tasks.request(ordinal) : null),
      };
    }),
  );

  function find(ordinal: number): Place {
    for (const { part, span, schema, isCorrected } of newestFirst) {
      const found = span(ordinal);
      if (found === null) continue;
      return { part, span: found, schema: schema?.(ordinal), corrected: isCorrected?.(ordinal) ?? false };
    }
    throw notThere(blobs.describe(TASKS_INDEX));
  }

  /** Each body is checked against its hash before anything is cut out of it. */
  const whole = new Map<string, Promise<void>>();
  function requireWholeBody({ number, body_bytes: bytes, body_sha256: sha256 }: Part): Promise<void> {
    const name = partBody(number);
    const found = whole.get(name) ?? requireAsWritten(blobs, name, { bytes, sha256 });
    whole.set(name, found);
    return found;
  }

  return async function* (ordinals) {
    for (const { part, spans, tasks: of } of together(ordinals.map(find))) {
      const name = partBody(part.number);
      await requireWholeBody(part);
      const found = (await blobs.readRanges(name, spans)).map((bytes) => {
        const text = bytes.toString('utf8');
        // By the time it is sent again, nobody knows what the cache holds.
        const unmarked = part.cache === undefined ? text : text.replaceAll(requests.cacheMark, '');
        const request = requests.decode(unmarked);
        if (request === null) throw notThere(blobs.describe(name));
        return request;
      });
      for (const { request, ...task } of of) {
        const sent = found[request];
        if (sent !== undefined) yield { ...sent, ...task };
      }
    }
  };
}

type OfTask = Pick<SentRequest, 'schema' | 'corrected'>;
type Place = { part: Part; span: Span } & OfTask;
/** Tasks with the places of their requests among the spans: one that several share is read once. */
type Neighbours = { part: Part; spans: Span[]; tasks: (OfTask & { request: number })[]; bytes: number };

/** Neighbours in one body. */
function* together(places: readonly Place[]): Generator<Neighbours> {
  let group: Neighbours | undefined;
  for (const { part, span, ...task } of places) {
    const known =
      group?.part === part ? group.spans.findLastIndex(({ offset }) => offset === span.offset) : -1;
    if (group !== undefined && known !== -1) {
      group.tasks.push({ ...task, request: known });
      continue;
    }
    if (group !== undefined && (group.part !== part || group.bytes >= READ_TOGETHER_BYTES)) {
      yield group;
      group = undefined;
    }
    group ??= { part, spans: [], tasks: [], bytes: 0 };
    group.tasks.push({ ...task, request: group.spans.push(span) - 1 });
    group.bytes += span.length;
  }
  if (group) yield group;
}

function notThere(place: string): BatchError {
  return new BatchError(
    'store_damaged',
    `A request as it was sent can't be read any more (${place} is not as it was written). Nothing was sent. Give ` +
      'the tasks that are to be sent again in requests.',
  );
}

/** Where the requests of a part that lists its tasks are: 16 bytes each. */
async function listedSpans(blobs: Blobs, part: Part): Promise<Omit<Spans, 'part'>> {
  const schemas = new Map<number, string>();
  const corrected = new Set<number>();
  const ordinals = new Uint32Array(part.request_count);
  const offsets = new Float64Array(part.request_count);
  const lengths = new Uint32Array(part.request_count);
  let position = 0;
  for await (const tasks of readPartTasks(blobs, part)) {
    for (const task of tasks) {
      ordinals[position] = task.ordinal;
      offsets[position] = task.offset;
      lengths[position] = task.length;
      if (task.schema !== undefined) schemas.set(task.ordinal, task.schema);
      if (task.corrected) corrected.add(task.ordinal);
      position += 1;
    }
  }
  function span(wanted: number): Span | null {
    const at = indexOfSorted(ordinals, wanted);
    const [offset, length] = [offsets[at], lengths[at]];
    return offset === undefined || length === undefined ? null : { offset, length };
  }
  return {
    span,
    schema: (ordinal) => schemas.get(ordinal),
    isCorrected: (ordinal) => corrected.has(ordinal),
  };
}

/** The place of a number among ascending ones, -1 where it is not among them. */
function indexOfSorted(sorted: Uint32Array, wanted: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === wanted ? low : -1;
}

/** A task that is sent again; `cause` is why it has no finished answer. */
export type ChosenTask = { ordinal: number; cause: string | null };
