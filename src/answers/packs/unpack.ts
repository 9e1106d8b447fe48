import { isBlank, splitLines, withoutMark } from '../../lib/lines.ts';
import type { Dialect, ResultShare } from '../../provider/dialect.ts';
import type { Pieces } from '../../store/store.ts';
import { rankOf } from '../view/merge.ts';
import type { ExpectedPacks, PackedRow } from './expected-packs.ts';
import { readAnswers } from './read-answers.ts';
import type { DocumentReader } from './read-document.ts';

/** Stop reasons of answers whose text is intact up to the cut. */
const CUT = new Set(['max_tokens', 'model_context_window_exceeded']);

const LEFT_OUT =
  'It was left out of its pack: the answer to the rows that shared the request has none under its id.';
const TWICE = 'Its pack answers it more than once, and differently.';
const UNREADABLE = 'The answer to its pack is not JSON with an answer under the id of each row.';

/** Lines for the tasks of shared requests, and how many answers had no row's id. */
type Unpacking = { lines: string[]; unknown: number };

/**
 * Turns results with a line per request into results with a line per task, group by group; always the same from the same
 * input, whoever does it. If a line came twice, the better one is unpacked too and counts, as for all results.
 */
export async function* unpack(
  received: Pieces,
  { expected, rows }: ExpectedPacks,
  { dialect, read }: { dialect: Dialect; read: DocumentReader },
): AsyncGenerator<Unpacking> {
  const best = new Map<number, number>();
  for await (const group of splitLines(received)) {
    const made: Unpacking = { lines: [], unknown: 0 };
    for (const given of group) {
      const line = withoutMark(given);
      if (isBlank(line.bytes)) continue;
      const result = dialect.results.count(line.bytes);
      const position = result === null ? undefined : expected.position(result.request_id);
      if (result === null || position === undefined) continue;
      const rank = rankOf({ outcome: result.outcome, declined: result.error?.type === 'refusal' });
      if (rank <= (best.get(position) ?? 0)) continue;
      best.set(position, rank);
      const text = line.bytes.toString('utf8');
      const tasks = rows(position);
      if (tasks === null) made.lines.push(text);
      else {
        const { lines, unknown } = unpackLine(text, tasks, dialect, read);
        made.lines.push(...lines);
        made.unknown += unknown;
      }
    }
    yield made;
  }
}

/** The lines of the tasks that shared a request. */
function unpackLine(
  line: string,
  rows: readonly PackedRow[],
  { results }: Pick<Dialect, 'results'>,
  read: DocumentReader,
): Unpacking {
  const result = results.read(line);
  const isCut = result?.outcome === 'incomplete' && CUT.has(result.error?.type ?? '');
  const text = result?.outcome === 'succeeded' || isCut ? (result?.answer?.text ?? null) : null;
  const found = text === null ? null : readAnswers(text, rows, read);
  const saidOf = ({ id }: PackedRow): ResultShare['said'] => {
    if (text === null) return null;
    const answer = found?.answers.get(id);
    if (typeof answer === 'string') return { text: answer };
    if (answer === null) return { problem: TWICE };
    // Rows after the cut get the outcome of the request.
    if (isCut) return null;
    return { problem: found === null ? UNREADABLE : LEFT_OUT };
  };
  return {
    lines: rows.map((row, index) =>
      results.share(line, { id: row.id, index, of: rows.length, said: saidOf(row) }),
    ),
    unknown: found?.unknown ?? 0,
  };
}
