import { BatchError } from '../../errors.ts';
import { sentCount } from '../../state/parts.ts';
import type { Part } from '../../store/record.ts';
import type { Work } from '../../tasks/work.ts';

type Arguments = { primer?: boolean | undefined; context_files?: readonly string[] | undefined };

/**
 * Checks the `primer` argument. Throws where there is nothing to cache, or the other requests would come hours later.
 */
export function primerOf(
  { primer, context_files }: Arguments,
  { source, merge }: Pick<Work, 'source' | 'merge'>,
): { primer?: true } {
  if (!primer) return {};
  if (context_files === undefined)
    throw refused('goes with context_files only', 'context_files, or no primer');
  if (typeof merge === 'number') {
    const problem = 'is given together with merge, whose stages can be hours apart';
    throw refused(problem, 'a merge by a column, or no primer');
  }
  if (source.kind === 'from_batch' && source.awaits !== 'nothing') {
    const problem = `is given for the answers of ${source.batch_id}, which has not ended`;
    throw refused(problem, 'the same call after its end, or no primer');
  }
  return { primer: true };
}

function refused(problem: string, valid: string): BatchError {
  return new BatchError('invalid_input', 'The work was refused; nothing was sent.', {
    problems: [{ field: 'primer', problem, valid }],
  });
}

/** Marks parts for the provider's cache, and puts the smallest unsent one first: the others wait for its answer. */
export function withPrimer(parts: readonly Part[]): Part[] {
  const open = parts.filter(({ progress }) => progress.state === 'prepared');
  const [primer, ...others] = open.toSorted((a, b) => sentCount(a) - sentCount(b) || a.number - b.number);
  const marked = (part: Part): Part => ({ ...part, cache: 'marked' });
  if (primer === undefined) return parts.map(marked);
  return [
    ...parts.filter((part) => !open.includes(part)).map(marked),
    marked(primer),
    ...open
      .filter((part) => others.includes(part))
      .map((part) => ({ ...marked(part), after: primer.number })),
  ];
}
