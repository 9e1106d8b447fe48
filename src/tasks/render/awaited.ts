import { stringifyExact } from '../../lib/exact-json.ts';
import type { PromptSize } from '../../provider/dialect.ts';
import type { Awaited, AwaitedAnswer } from '../sources/source-row.ts';
import type { TaskDefaults } from '../task.ts';

const BYTES_PER_TOKEN = 4;
/**
 * The bound of a text's tokens is up to so many times what its model counted when it wrote it: 1.4 to 1.7 times on prose, code
 * and JSON, more on other scripts.
 */
const BOUND_PER_TOKEN = 2;

/** Of the tag round an answer that is merged with others. */
const TAG_TOKENS = 40;

/** Places that an answer fills. */
const ANSWER = /\{\{\s*(text|json|items)\b/g;

/** The size of a prompt with the answer in it that is not there yet, as often as it is asked for. */
export function withAwaited(
  size: PromptSize,
  awaited: Awaited | undefined,
  { prompt = '', input_data = {} }: TaskDefaults,
  own: AwaitedAnswer,
): PromptSize {
  if (awaited === undefined) return size;
  const answers = awaited.kind === 'own' ? awaited.answers : 1;
  const each = awaited.kind === 'own' ? own : awaited;
  const places = `${prompt}${stringifyExact(input_data)}`.match(ANSWER)?.length ?? 0;
  const times = Math.max(1, places);
  return {
    ...size,
    bytes: size.bytes + times * answers * each.expected_tokens * BYTES_PER_TOKEN,
    most_tokens: size.most_tokens + times * answers * (each.maximum_tokens * BOUND_PER_TOKEN + TAG_TOKENS),
  };
}
