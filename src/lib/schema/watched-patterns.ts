import vm from 'node:vm';

/** How long one check may hold up everybody else that the process serves. */
const LONGEST_MS = 1_000;
/** After this many interrupted checks a schema is known to be slow, and is given little time. */
const ENDED_EARLIER = 3;
const LITTLE_MS = 50;

/** A text so short that even a backtracking pattern is done at once. */
const SHORT = 20;
/** And one in which a pattern is that has a single repeat, and begins anew at every character. */
const LONG = 5_000;

/** A pattern that a check tests texts by. */
type WatchedPattern = { test(text: string): boolean; toString(): string };

/** Runs checks; those whose patterns may backtrack for too long are watched. */
export type Watch<Finding> = {
  /** The form in which a check gets a pattern. */
  pattern(expression: RegExp): WatchedPattern;
  /** The finding of a check; `slow` says where it depends on a pattern that there was no time for. */
  run(check: () => Finding | null, slow: (pattern: string) => Finding): Finding | null;
};

export function createWatch<Finding>(): Watch<Finding> {
  // Watching takes a thread: most checks are done in a hundredth of the time that it takes to start.
  let isWatched = false;
  let unsure: string | null = null;
  /** The assumed outcome of a pattern that is not tried. */
  let assumed = true;
  let ended = 0;
  let call: (() => Finding | null) | null = null;
  let found: Finding | null = null;
  const inside = vm.createContext({
    run: () => {
      found = call?.() ?? null;
    },
  });
  const script = new vm.Script('run()');

  function isEnded(check: () => Finding | null): boolean {
    call = check;
    isWatched = true;
    try {
      script.runInContext(inside, { timeout: ended < ENDED_EARLIER ? LONGEST_MS : LITTLE_MS });
      return false;
    } catch (error) {
      if (!isTimeout(error)) throw error;
      ended += 1;
      return true;
    } finally {
      isWatched = false;
      call = null;
    }
  }

  return {
    pattern(expression) {
      const most = hasOneRepeat(expression.source) ? LONG : SHORT;
      return {
        test(text) {
          if (text.length <= most) return expression.test(text);
          unsure = expression.source;
          return isWatched ? expression.test(text) : assumed;
        },
        toString: () => String(expression),
      };
    },
    run(check, slow) {
      unsure = null;
      assumed = true;
      const first = check();
      if (unsure === null) return first;
      if (!isEnded(check)) return found;
      assumed = false;
      // A finding that does not depend on the pattern's outcome needs no pattern.
      return first === null || check() === null ? slow(unsure) : first;
    },
  };
}

/** It is not an instance of our `Error`: it comes from another context. */
const isTimeout = (error: unknown) =>
  typeof error === 'object' &&
  error !== null &&
  'code' in error &&
  error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';

/** Whether a pattern repeats at most single characters and no group, so that its work is proportional to the text. */
function hasOneRepeat(source: string): boolean {
  const plain = source.replace(/\\(?:[pP]\{[^}]*\}|.)/g, 'x').replace(/\[[^\]]*\]/g, 'x');
  const repeats = plain.match(/(?<!\()[*+?]|\{\d*,\d*\}/g) ?? [];
  return repeats.length <= 1 && !/\)[*+?{]/.test(plain);
}
