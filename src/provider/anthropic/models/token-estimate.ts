import type { CountTokens } from '../../dialect.ts';

/**
 * About how many tokens a text is for a model before 4.7, by the shape of its words, numbers and signs: without
 * any vocabulary, so at once and in no memory. Within some 10 % of ai-tokenizer's count on English prose, logs,
 * code and JSON; other languages and dense data can be further off.
 */
export function estimateTokens(text: string): number {
  let tokens = 0;
  let run = 0;
  let kind: Kind = 'space';
  for (let at = 0; at < text.length; at += 1) {
    const next = kindOf(text.charCodeAt(at));
    if (next !== kind) {
      tokens += tokensOf(kind, run);
      kind = next;
      run = 0;
    }
    run += 1;
  }
  return tokens + tokensOf(kind, run);
}

type Kind = 'letters' | 'digits' | 'signs' | 'blank' | 'space' | 'ideographs';

function kindOf(code: number): Kind {
  if (code === 0x20) return 'blank';
  if (code < 0x20) return 'space';
  if (code >= 0x30 && code <= 0x39) return 'digits';
  if ((code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)) return 'letters';
  if (code < 0x80) return 'signs';
  // From Hiragana on: scripts without spaces.
  return code >= 0x3040 ? 'ideographs' : 'letters';
}

const LETTERS_PER_TOKEN = 6;
const DIGITS_PER_TOKEN = 2.2;
const SIGNS_PER_TOKEN = 1.6;

function tokensOf(kind: Kind, run: number): number {
  switch (kind) {
    case 'letters':
      return Math.ceil(run / LETTERS_PER_TOKEN);
    case 'digits':
      return Math.ceil(run / DIGITS_PER_TOKEN);
    case 'signs':
      return Math.ceil(run / SIGNS_PER_TOKEN);
    case 'ideographs':
      return run;
    case 'space':
      return run === 0 ? 0 : 1;
    case 'blank':
      // One blank belongs to the word behind it.
      return run > 1 ? 1 : 0;
  }
}

/**
 * The vocabulary is that of an early Claude; the library's own comparison with the API's counts for the 4.5
 * models found a tenth more (ai-tokenizer 1.0.6, `contentMultiplier`).
 */
const VOCABULARY_FACTOR = 1.1;

/**
 * The library takes time in the square of a word's length: half a minute for one word of 200,000 letters.
 * So it is only ever given slices; a cut through a word costs a token at most.
 */
const SLICE_CHARACTERS = 1_000;

let loading: Promise<CountTokens> | undefined;

/** Loads what counts tokens as Claude models up to 4.5 see them, about; once: some 2 MB that only estimates need. */
export function loadTokenizer(): Promise<CountTokens> {
  loading ??= load();
  return loading;
}

async function load(): Promise<CountTokens> {
  const [{ Tokenizer }, encoding] = await Promise.all([
    import('ai-tokenizer'),
    import('ai-tokenizer/encoding/claude'),
  ]);
  const tokenizer = new Tokenizer(encoding);
  return (text) => {
    let tokens = 0;
    for (let at = 0; at < text.length; at += SLICE_CHARACTERS) {
      // 'all': a text that looks like one of the model's control tokens is counted, and throws no error.
      tokens += tokenizer.encode(text.slice(at, at + SLICE_CHARACTERS), 'all').length;
    }
    return tokens * VOCABULARY_FACTOR;
  };
}
