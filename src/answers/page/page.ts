import { createHash } from 'node:crypto';
import { stringifyExact } from '../../lib/exact-json.ts';
import type { Context } from '../../state/context.ts';
import type { BatchRecord } from '../../store/record.ts';
import { openView, type View } from '../view/view.ts';
import { readCursor, writeCursor } from './cursor.ts';
import { type Filters, matcherOf, readsAnswers, select } from './select.ts';
import { pickFields, type ShownAnswer, shownAnswer } from './shown-answer.ts';
import { createKeeper } from './whole-pieces.ts';

type PageRequest = Filters & {
  /** The names (see `namedValue`) of the values to show instead of whole answers. */
  fields?: readonly string[] | undefined;
  limit: number;
  cursor?: string | undefined;
  /** With model, usage, custom_id and attempt. */
  full: boolean;
};

type Page = { results: ShownAnswer[]; next_cursor: string | null };

const READ_AT_ONCE = 17;

/** One page of answers in the caller's order, within `limit` and within `characters` of JSON. */
export async function readPage(
  context: Context,
  record: BatchRecord,
  request: PageRequest,
  characters: number,
): Promise<Page> {
  const view = await openView(context, record);
  const { limit: _limit, cursor: _cursor, fields, full, ...filters } = request;
  const asked = JSON.stringify([filters, fields ?? null, full]);
  const of = `${record.batch_id}:${view.parts}:${createHash('sha256').update(asked).digest('hex').slice(0, 12)}`;
  const start = request.cursor === undefined ? 0 : readCursor(request.cursor, of);
  const meant = readsAnswers(filters)
    ? (await select(view, filters)).filter((ordinal) => ordinal >= start)
    : meantFrom(view, start, await matcherOf(view, filters));

  const toldOnce = createCauses();
  const results: ShownAnswer[] = [];
  let used = 0;
  for await (const { ordinal, answered } of answersTo(view, meant)) {
    const keep = createKeeper(context, record.batch_id, ordinal, answered.answer);
    const shown = fields
      ? pickFields(answered, fields)
      : toldOnce(await shownAnswer(answered.answer, full, keep));
    used += stringifyExact(shown).length;
    if (results.length >= request.limit || (results.length > 0 && used > characters)) {
      return { results, next_cursor: writeCursor(of, ordinal) };
    }
    results.push(shown);
  }
  return { results, next_cursor: null };
}

/** Leaves out a message that an earlier answer on the page has shown. */
function createCauses() {
  const told = new Set<string>();
  return (shown: ShownAnswer): ShownAnswer => {
    if (shown.error === undefined) return shown;
    const { message, ...error } = shown.error;
    const cause = `${error.type}\n${message}`;
    if (told.has(cause)) return { ...shown, error };
    told.add(cause);
    return shown;
  };
}

function* meantFrom(view: View, start: number, isMeant: (ordinal: number) => boolean): Generator<number> {
  for (let ordinal = start; ordinal < view.count; ordinal += 1) if (isMeant(ordinal)) yield ordinal;
}

/** Reads the answers a few at a time: one by one, each would open files again; all at once would be too much. */
async function* answersTo(view: View, meant: Iterable<number>) {
  let ordinals: number[] = [];
  async function* read() {
    const answers = await view.answeredRows(ordinals);
    for (const [position, answered] of answers.entries())
      yield { ordinal: ordinals[position] ?? 0, answered };
    ordinals = [];
  }
  for (const ordinal of meant) {
    if (ordinals.push(ordinal) === READ_AT_ONCE) yield* read();
  }
  yield* read();
}
