import vm from 'node:vm';

/** For so long may one check hold up everybody else whom the process serves. */
const LONGEST_MS = 1_000;
/** After so many that were ended, a schema is known to take long, and is given little time. */
const ENDED_EARLIER = 3;
const LITTLE_MS = 50;

/** A text in which a pattern that can try one place in two ways is through in no time all the same. */
const SHORT = 20;
/** And one in which a pattern is that has a single repeat, and begins anew at every character. */
const LONG = 5_000;

/** A pattern that a check tests texts by. */
export type WatchedPattern = { test(text: string): boolean; toString(): string };

/** Runs checks, and under a watch those whose patterns may go through a text in more ways than there is time for. */
export type Watch<Finding> = {
  /** A pattern as its checks are to have it. */
  pattern(expression: RegExp): WatchedPattern;
  /** What a check finds; where all depends on a pattern that there was no time for, `slow` says so. */
  run(check: () => Finding | null, slow: (pattern: string) => Finding): Finding | null;
};

export function createWatch<Finding>(): Watch<Finding> {
  // Its watch costs a thread: most checks are done in a hundredth of that time.
  let isWatched = false;
  let unsure: string | null = null;
  /** What stands for the outcome of a pattern that is not tried. */
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
      // What is wrong whether the pattern is met or not needs no pattern.
      return first === null || check() === null ? slow(unsure) : first;
    },
  };
}

/** It is no `Error` of ours: another context made it. */
const isTimeout = (error: unknown) =>
  typeof error === 'object' &&
  error !== null &&
  'code' in error &&
  error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';

/** Whether a pattern repeats one character at most, and no group: what it tries grows with the text alone. */
function hasOneRepeat(source: string): boolean {
  const plain = source.replace(/\\(?:[pP]\{[^}]*\}|.)/g, 'x').replace(/\[[^\]]*\]/g, 'x');
  const repeats = plain.match(/(?<!\()[*+?]|\{\d*,\d*\}/g) ?? [];
  return repeats.length <= 1 && !/\)[*+?{]/.test(plain);
}
