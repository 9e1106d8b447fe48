import type { Span } from '../store.ts';

/** Spans of a file that are read in one go. */
export type SpanRun = Span & { readonly members: { readonly index: number; readonly span: Span }[] };

/** Less than this between two costs less to read along than a read of its own, which takes 14 µs of the processor. */
const CLOSE_BYTES = 64 * 1024;
const LONGEST_RUN = 1_000_000;

/** Gathers spans that stand close together, in whatever order they come; each with its place among those given. */
export function spanRuns(spans: readonly Span[]): SpanRun[] {
  const members = spans.map((span, index) => ({ index, span }));
  members.sort((a, b) => a.span.offset - b.span.offset);
  const runs: SpanRun[] = [];
  for (const member of members) {
    const { offset, length } = member.span;
    const run = runs.at(-1);
    const reach = run ? Math.max(run.length, offset + length - run.offset) : 0;
    if (run && offset <= run.offset + run.length + CLOSE_BYTES && reach <= LONGEST_RUN) {
      run.length = reach;
      run.members.push(member);
    } else {
      runs.push({ offset, length, members: [member] });
    }
  }
  return runs;
}
