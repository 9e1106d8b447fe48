import type { Span } from '../store.ts';

/** Spans of a file that are read together. */
export type SpanRun = Span & { readonly members: { readonly index: number; readonly span: Span }[] };

/** Reading a gap smaller than this costs less than a second read, which takes 14 µs of CPU time. */
const CLOSE_BYTES = 64 * 1024;
const LONGEST_RUN = 1_000_000;

/** Groups spans that are close together, whatever their order; each keeps its index. */
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
