import type { jsonParser } from 'stream-json/core/parser.js';
import { endOfString } from '../../lib/json-source.ts';
import { ExactAssembler } from '../../tasks/sources/tables/json-tokens.ts';

/** A JSON document, as far as it could be read. */
export type Document = {
  /** The containers that were never closed, from the root inward; only the root if the document is complete. */
  open: readonly unknown[];
  /** The key of each of these but the first in the one before; null in a list. */
  keys: readonly (string | null)[];
  isWhole: boolean;
  /** Whether an object has a key twice. */
  repeats: (object: object, key: string) => boolean;
  /** Its end in the text. */
  end: number;
};

/** Reads the document that begins at `start`; null if there is none. */
export type DocumentReader = (text: string, start: number) => Document | null;

class RepeatsAssembler extends ExactAssembler {
  readonly repeated = new Map<object, Set<string>>();

  override keyValue(key: string): void {
    const { current } = this;
    if (typeof current === 'object' && current !== null && Object.hasOwn(current, key)) {
      this.repeated.set(current, (this.repeated.get(current) ?? new Set()).add(key));
    }
    super.keyValue(key);
  }
}

/** Pieces that end where a value can end, so that complete values before a break are not lost. */
const PIECE = /[^,}\]]*[,}\]]|[^,}\]]+$/g;

/** Loads the parser, which most batches do without. */
export async function loadDocumentReader(): Promise<DocumentReader> {
  const { jsonParser: createParser } = await import('stream-json/core/parser.js');
  return (text, start) => {
    const end = endOfDocument(text, start);
    const source = text.slice(start, end ?? undefined);
    const whole = assembled(createParser, [source]);
    // The parser tells only that the document breaks; reading it in small pieces keeps what comes before.
    const { assembler, isRead } = whole.isRead ? whole : assembled(createParser, source.match(PIECE) ?? []);
    if (!isRead && assembler.done) return null;
    const { current, stack } = assembler;
    const isWhole = isRead && assembler.done;
    const list: readonly unknown[] = stack;
    const open = [...list.filter((_, index) => index % 2 === 0), current];
    const keys = list
      .filter((_, index) => index % 2 === 1)
      .map((key) => (typeof key === 'string' ? key : null));
    return {
      open,
      keys,
      isWhole,
      repeats: (object, key) => assembler.repeated.get(object)?.has(key) ?? false,
      end: end ?? text.length,
    };
  };
}

function assembled(createParser: typeof jsonParser, pieces: readonly string[]) {
  const assembler = new RepeatsAssembler();
  const parse = createParser({ streamValues: false });
  try {
    for (const piece of pieces) {
      const made = parse(piece);
      if (typeof made !== 'object' || !('values' in made)) continue;
      for (const token of made.values) assembler.consume(token);
    }
    return { assembler, isRead: true };
  } catch {
    return { assembler, isRead: false };
  }
}

/** The position after the bracket that closes the one at `start`; null if none does. */
export function endOfDocument(text: string, start: number): number | null {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return null;
}
