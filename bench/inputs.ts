import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

/** Words with a few letters beyond ASCII, as real text has them. */
const WORDS =
  'the order was paid twice and the café could not refund it before Zürich answered; please say why, and what naïve customers are told about their money'.split(
    ' ',
  );
const DIFFERENT_TEXTS = 997;

/** Text of about that many bytes, other words for other seeds. */
function textOf(bytes: number, seed: number): string {
  const words: string[] = [];
  let state = seed + 1;
  let length = 0;
  while (length < bytes) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    const word = WORDS[(state >>> 8) % WORDS.length] ?? '';
    words.push(state % 17 === 0 ? `${word}.\n` : word);
    length += Buffer.byteLength(word) + 1;
  }
  return words.join(' ');
}

/** Different texts, to be taken in turns. */
export const textsOf = (bytes: number): string[] =>
  Array.from({ length: DIFFERENT_TEXTS }, (_, i) => textOf(bytes, i));

export const customId = (i: number): string => `task-${String(i).padStart(6, '0')}`;

export const requestOf = (i: number, text: string) => ({
  custom_id: customId(i),
  params: {
    model: 'claude-haiku-5-5',
    max_tokens: 512,
    messages: [{ role: 'user' as const, content: text }],
  },
});

const usage = {
  input_tokens: 512,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
  output_tokens: 640,
  service_tier: 'batch',
  inference_geo: 'global',
};

const resultOf = (i: number, text: string) => ({
  custom_id: customId(i),
  result: {
    type: 'succeeded',
    message: {
      id: `msg_${String(i).padStart(24, '0')}`,
      type: 'message',
      role: 'assistant',
      model: 'claude-haiku-5-5',
      content: [{ type: 'text', text }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage,
    },
  },
});

const faults = [
  {
    type: 'errored',
    error: { type: 'error', error: { type: 'api_error', message: 'Internal' }, request_id: null },
  },
  { type: 'expired' },
  { type: 'canceled' },
];

/** One in a hundred of each kind of fault, where faults are wanted. */
function lineOf(i: number, text: string, faulty: boolean): object {
  const fault = faulty ? faults[i % 100] : undefined;
  return fault ? { custom_id: customId(i), result: fault } : resultOf(i, text);
}

/** Ordinals 0 to count - 1, each once, as far from in order as the API gives them. */
function* shuffled(count: number): Generator<number> {
  const stride = 7919;
  for (let i = 0; i < count; i += 1) yield (i * stride) % count;
}

async function writeFile(path: string, pieces: Iterable<string>): Promise<void> {
  const file = createWriteStream(path);
  let gathered = '';
  for (const piece of pieces) {
    gathered += piece;
    if (gathered.length < 1 << 20) continue;
    if (!file.write(gathered)) await once(file, 'drain');
    gathered = '';
  }
  file.end(gathered);
  await finished(file);
}

export type InputSize = {
  count: number;
  bytesEach: number;
  /** The ordinal of the first, for a part of more. */
  first?: number;
  /** Only every so manieth. */
  every?: number;
};

/** A `.jsonl` file of native requests, or with `array` a `.json` file of the same. */
export async function writeRequests(
  path: string,
  { count, bytesEach }: InputSize,
  array = false,
): Promise<void> {
  const texts = textsOf(bytesEach - 130);
  function* pieces() {
    if (array) yield '[\n';
    for (let i = 0; i < count; i += 1) {
      const comma = array && i < count - 1 ? ',' : '';
      yield `${JSON.stringify(requestOf(i, texts[i % texts.length] ?? ''))}${comma}\n`;
    }
    if (array) yield ']\n';
  }
  await writeFile(path, pieces());
}

/** The results of such requests as the API gives them: JSONL in no order. */
export async function writeResults(
  path: string,
  { count, bytesEach, first = 0, every = 1 }: InputSize,
  faulty = false,
): Promise<void> {
  const texts = textsOf(Math.max(20, bytesEach - 480));
  function* pieces() {
    for (const each of shuffled(count)) {
      const i = first + each * every;
      yield `${JSON.stringify(lineOf(i, texts[i % texts.length] ?? '', faulty))}\n`;
    }
  }
  await writeFile(path, pieces());
}
