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
export type Watch = {
  /** A pattern as its checks are to have it. */
  pattern(expression: RegExp): WatchedPattern;
  /** What a check finds; `slow` says why there was no time for it. */
  run(check: () => string | null, slow: (pattern: string) => string): string | null;
};

export function createWatch(): Watch {
  // Its watch costs a thread: most checks are done in a hundredth of that time.
  let isWatched = false;
  let unsure: string | null = null;
  let ended = 0;
  let call: (() => string | null) | null = null;
  let found: string | null = null;
  const inside = vm.createContext({
    run: () => {
      found = call?.() ?? null;
    },
  });
  const script = new vm.Script('run()');

  function isEnded(check: () => string | null): boolean {
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
          return isWatched ? expression.test(text) : true;
        },
        toString: () => String(expression),
      };
    },
    run(check, slow) {
      unsure = null;
      const first = check();
      if (unsure === null) return first;
      return isEnded(check) ? slow(unsure) : found;
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
