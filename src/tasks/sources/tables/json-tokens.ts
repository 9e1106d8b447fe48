import { pipeline, Readable } from 'node:stream';
import { Assembler } from 'stream-json/assembler.js';
import type { Token } from 'stream-json/core/parser.js';
import { exactNumber, reviveNumber } from '../../../lib/exact-json.ts';
import { locateJsonError } from '../../../lib/json.ts';
import { isDecodingError, notDecoded, type TextFile, textPieces, unreadable } from '../text-file.ts';

const TOKENS_AT_ONCE = 1024;

/** The tokens of a JSON text, in groups. Throws what the parser throws. */
export async function* tokensOf(text: AsyncIterable<string>): AsyncGenerator<Token[]> {
  const [{ parser }, { batch }] = await Promise.all([
    import('stream-json/parser.js'),
    import('stream-json/utils/batch.js'),
  ]);
  const groups = batch.batch.asStream({ batchSize: TOKENS_AT_ONCE });
  // A failure reaches the reader through the last of them, which the pipeline destroys with it.
  pipeline(Readable.from(text), parser.parser.asStream({ streamValues: false }), groups, () => {});
  const read: AsyncIterable<Token[]> = groups;
  yield* read;
}

/** The tokens of a JSON file, in groups. Throws `invalid_input`, with line and column, where it is not JSON. */
export async function* jsonTokens(file: TextFile, field: string, valid: string): AsyncGenerator<Token[]> {
  try {
    yield* tokensOf(textPieces(file));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (isDecodingError(error)) throw notDecoded(field, file);
    const position = await locateJsonError(textPieces(file));
    const where = position ? ` from line ${position.line}, column ${position.column} on` : '';
    // The parser's own message quotes the file, so it is not kept as the cause.
    throw unreadable(field, { problem: `is not JSON${where}`, valid });
  }
}

/** Assembles values from tokens, every number as it was written. */
export class ExactAssembler extends Assembler {
  /** A key that an object of the value has twice. */
  repeatedKey: string | null = null;
  /** The keys of the value itself, as they were written. */
  keys: string[] = [];

  constructor() {
    super({ reviver: reviveNumber });
  }

  override startObject(): void {
    if (this.done) {
      this.repeatedKey = null;
      this.keys = [];
    }
    super.startObject();
  }

  override keyValue(key: string): void {
    if (this.stack.length === 0) this.keys.push(key);
    if (typeof this.current === 'object' && this.current !== null && Object.hasOwn(this.current, key)) {
      this.repeatedKey ??= key;
    }
    super.keyValue(key);
  }

  override numberValue(source: string): void {
    const number = exactNumber(source);
    if (typeof number === 'number') super.numberValue(source);
    else this.stringValue(number.toJSON());
  }
}
