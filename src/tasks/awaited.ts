import { stringifyExact } from '../lib/exact-json.ts';
import type { PromptSize } from '../provider/dialect.ts';
import type { TaskDefaults } from './task.ts';
import type { AwaitedAnswer } from './work.ts';

const BYTES_PER_TOKEN = 4;
/**
 * The bound of a text's tokens is up to so many times what its model counted when it wrote it: 1.4 to 1.7 times on prose, code
 * and JSON, more on other scripts.
 */
const BOUND_PER_TOKEN = 2;

/** Places that an answer fills. */
const ANSWER = /\{\{\s*(text|json)\b/g;

/** The size of a prompt with the answer in it that is not there yet, as often as it is asked for. */
export function withAwaited(
  size: PromptSize,
  awaited: AwaitedAnswer | undefined,
  { prompt = '', input_data = {} }: TaskDefaults,
): PromptSize {
  if (awaited === undefined) return size;
  const places = `${prompt}${stringifyExact(input_data)}`.match(ANSWER)?.length ?? 0;
  const times = Math.max(1, places);
  return {
    ...size,
    bytes: size.bytes + times * awaited.expected_tokens * BYTES_PER_TOKEN,
    most_tokens: size.most_tokens + times * awaited.maximum_tokens * BOUND_PER_TOKEN,
  };
}
