/** What a text is that would be JSON but for one habit of its writer. */
export type Nearly = { problem: string; valid: string };

type Habit = Nearly & { mended: (text: string) => string };

/** The text with `change` made to what stands outside its strings. */
const outside = (text: string, change: (piece: string) => string) =>
  text.replaceAll(/("(?:[^"\\]|\\.)*")|[^"]+/g, (piece, string) => string ?? change(piece));

const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|(?<=^|[\n,}\]\s])#[^\n]*/g;
const PYTHON = 'as json.dumps writes it';
const asPython = (text: string) =>
  outside(text, (piece) =>
    piece.replaceAll(/\b(?:None|True|False)\b/g, (word) => (word === 'None' ? 'null' : word.toLowerCase())),
  );

/** The first one that turns a text into JSON names it. */
const habits: readonly Habit[] = [
  {
    problem: 'holds a byte order mark (U+FEFF), as where files were joined',
    valid: 'the file without it; a mark is allowed only at its very beginning',
    mended: (text) => text.replaceAll('\ufeff', ''),
  },
  {
    problem: 'holds record separators (U+001E), as JSON text sequences do',
    valid: 'lines without them',
    mended: (text) => text.replaceAll('\u001e', ''),
  },
  {
    problem: 'begins its lines with "data:", as a stream of events does',
    valid: 'what follows it',
    mended: (text) => text.replaceAll(/^\s*data:/gm, ''),
  },
  {
    problem: 'has commas between its objects, as within an array',
    valid: 'one JSON object per line without commas, or an array in a file named .json',
    mended: (text) => text.replace(/^\s*,/, '').replace(/,\s*$/, ''),
  },
  {
    problem: 'holds comments, of which JSON has none',
    valid: 'the file without them',
    mended: (text) => outside(text, (piece) => piece.replaceAll(COMMENT, '')),
  },
  {
    problem: 'has a comma before a closing bracket',
    valid: 'commas only between two values',
    mended: (text) => outside(text, (piece) => piece.replaceAll(/,(\s*[}\]])/g, '$1')),
  },
  {
    problem: 'holds NaN or Infinity, which are not numbers in JSON',
    valid: 'null, or a text, in their place',
    mended: (text) => outside(text, (piece) => piece.replaceAll(/-?\b(?:NaN|Infinity)\b/g, 'null')),
  },
  { problem: 'is written as Python does, with None, True or False', valid: PYTHON, mended: asPython },
  {
    problem: 'is written as Python does, with single quotes',
    valid: PYTHON,
    mended: (text) => (text.includes('"') ? text : asPython(text.replaceAll("'", '"'))),
  },
  {
    problem: 'has keys without quotes, as JavaScript writes objects',
    valid: 'as JSON.stringify writes it',
    mended: (text) =>
      outside(text, (piece) => piece.replaceAll(/([{,]\s*)([A-Za-z_$][\w$]*)(\s*:)/g, '$1"$2"$3')),
  },
  {
    problem: 'has curly quotes, as text processors make them',
    valid: 'straight ones (")',
    mended: (text) => text.replaceAll(/[“”„]/g, '"'),
  },
  {
    problem: 'holds a control character within a text, as a tab or a line break that is not escaped',
    valid: '\\t and \\n in their place',
    mended: (text) => text.replaceAll(/\p{Cc}/gu, ' '),
  },
];

/** What keeps a text from being JSON; null if more than one thing does, or nothing. */
export function nearlyJson(text: string): Nearly | null {
  if (isJson(text)) return null;
  const found = habits.find(({ mended }) => {
    const next = mended(text);
    return next !== text && isJson(next);
  });
  return found === undefined ? null : { problem: found.problem, valid: found.valid };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
