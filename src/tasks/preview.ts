import { parseExact, stringifyExact } from '../lib/exact-json.ts';

const BEGINNING = 150;
const END = 450;

/** A file's data, which nobody reads. */
const DATA = /"data"\s*:\s*"([A-Za-z0-9+/=]{200,})"/g;

/** A request as a person looks at it: its beginning with the settings, and its end, where what was filled in stands. Numbers are as they are sent. */
export function previewOf(request: string): string {
  const short = request.replaceAll(
    DATA,
    (_, { length }: string) => `"data":"(${length} characters of base64)"`,
  );
  const text = stringifyExact(parseExact(short).value);
  if (text.length <= BEGINNING + END) return text;
  return `${text.slice(0, BEGINNING).toWellFormed()} … ${text.slice(-END).toWellFormed()}`;
}
