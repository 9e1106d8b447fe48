import leven from 'leven';

const MOST_EDITS = 2;
/** A four-letter name within two edits of another is not a typo. */
const MOST_CHANGED = 0.4;
/** Longer names are cut before they are put into a message. */
const LONGEST_NAME = 64;

/** The name without case and separators: `maxTokens`, `max-tokens` and `MAX_TOKENS` are the same. */
function normalized(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_-]/g, '');
}

/**
 * The candidate that `name` was probably meant to be: one that differs only in case and separators, else the closest
 * within two edits that change at most 40 % of the letters. Undefined where there is none.
 */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const plain = normalized(name);
  const variant = candidates.find((candidate) => plain !== '' && normalized(candidate) === plain);
  if (variant !== undefined) return variant;

  const most = Math.min(MOST_EDITS, Math.floor(name.length * MOST_CHANGED));
  let closest: { candidate: string; edits: number } | undefined;
  for (const candidate of candidates) {
    // leven returns `maxDistance` for anything further away, so it gets one more than is allowed.
    const edits = isSwapped(name, candidate) ? 1 : leven(name, candidate, { maxDistance: most + 1 });
    if (edits <= most && (closest === undefined || edits < closest.edits)) closest = { candidate, edits };
  }
  return closest?.candidate;
}

/** Whether two adjacent letters are swapped: one slip, which takes two edits to undo. */
function isSwapped(name: string, candidate: string): boolean {
  if (name.length !== candidate.length) return false;
  let at = 0;
  while (at < name.length && name[at] === candidate[at]) at += 1;
  const swapped = `${name.slice(0, at)}${name[at + 1]}${name[at]}${name.slice(at + 2)}`;
  return at + 1 < name.length && swapped === candidate;
}

/** ` (did you mean "max_tokens"?)`, or nothing where no candidate is near. */
export function didYouMean(name: string, candidates: readonly string[]): string {
  const candidate = nearest(name, candidates);
  return candidate === undefined ? '' : ` (did you mean "${candidate}"?)`;
}

/** A caller's name, quoted and escaped for a message, cut where it is too long to be a name. */
export function quoteName(name: string): string {
  return JSON.stringify(name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name);
}
