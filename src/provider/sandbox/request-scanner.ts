import { readRegularBytes } from '../../lib/files/regular-file.ts';

/** One element of the body's list of requests: its bytes, and where in the body they begin. */
export type ScannedElement = { offset: number; bytes: Buffer };

export type RequestScanner = {
  /** Takes the next bytes of the body and returns the elements that they complete. */
  push(chunk: Buffer): ScannedElement[];
  /** The body without its elements, each replaced by a 0: parsed as JSON, it shows what surrounds them. */
  skeleton(): string;
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const opening = new Set([0x7b, 0x5b]);
const closing = new Set([0x7d, 0x5d]);
const whitespace = new Set([0x20, 0x09, 0x0a, 0x0d]);
/** An element of `requests` lies inside the body's object and inside the list. */
const ELEMENT_DEPTH = 2;

/**
 * Cuts `{"requests": [element, …]}` into its elements as the bytes come in, so that a body of any size is
 * neither held nor parsed as a whole. It trusts nothing: elements and skeleton are yet to be parsed.
 */
export function createRequestScanner(): RequestScanner {
  let position = 0;
  let depth = 0;
  let inString = false;
  let escaped = false;
  let started: { offset: number; earlier: Buffer[] } | null = null;
  const surroundings: string[] = [];

  return {
    push(chunk) {
      const elements: ScannedElement[] = [];
      let from = 0;
      const finish = (end: number) => {
        if (started === null) return;
        const last = chunk.subarray(from, end);
        const bytes = started.earlier.length > 0 ? Buffer.concat([...started.earlier, last]) : last;
        elements.push({ offset: started.offset, bytes });
        surroundings.push('0');
        started = null;
      };
      for (let index = 0; index < chunk.length; index += 1) {
        const byte = chunk[index] ?? 0;
        if (inString) {
          if (escaped) escaped = false;
          else if (byte === BACKSLASH) escaped = true;
          else if (byte === QUOTE) inString = false;
          if (started === null) surroundings.push(String.fromCharCode(byte));
          continue;
        }
        const ends = depth === ELEMENT_DEPTH && (byte === COMMA || closing.has(byte));
        if (ends) finish(index);
        else if (depth === ELEMENT_DEPTH && started === null && !whitespace.has(byte)) {
          started = { offset: position + index, earlier: [] };
          from = index;
        }
        if (byte === QUOTE) inString = true;
        else if (opening.has(byte)) depth += 1;
        else if (closing.has(byte)) depth -= 1;
        if (started === null) surroundings.push(String.fromCharCode(byte));
      }
      if (started !== null) started.earlier.push(chunk.subarray(from));
      position += chunk.length;
      return elements;
    },
    skeleton: () => surroundings.join(''),
  };
}

/** Where a request is in the body file, and whether its params are valid. */
export type IndexEntry = { offset: number; bytes: number; valid: boolean };

const ENTRY_BYTES = 16;

/** The index as a file: per request, in the body's order, its offset, length and validity. */
export function encodeIndex(entries: readonly IndexEntry[]): Buffer {
  const encoded = Buffer.alloc(entries.length * ENTRY_BYTES);
  entries.forEach(({ offset, bytes, valid }, ordinal) => {
    encoded.writeDoubleLE(offset, ordinal * ENTRY_BYTES);
    encoded.writeUInt32LE(bytes, ordinal * ENTRY_BYTES + 8);
    encoded.writeUInt32LE(valid ? 1 : 0, ordinal * ENTRY_BYTES + 12);
  });
  return encoded;
}

export async function readIndex(path: string): Promise<IndexEntry[]> {
  const encoded = await readRegularBytes(path);
  return Array.from({ length: encoded.length / ENTRY_BYTES }, (_, ordinal) => ({
    offset: encoded.readDoubleLE(ordinal * ENTRY_BYTES),
    bytes: encoded.readUInt32LE(ordinal * ENTRY_BYTES + 8),
    valid: encoded.readUInt32LE(ordinal * ENTRY_BYTES + 12) === 1,
  }));
}
