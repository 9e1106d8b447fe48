import { type Options, parse } from 'csv-parse/sync';
import { counted } from '../../../lib/numbers.ts';
import { SAMPLE_BYTES, type TextFile, unreadable, utf8Pieces } from '../text-file.ts';

/** In the order in which they are preferred where several would do. */
const candidates = [',', ';', '\t', '|'];

const SAMPLE_RECORDS = 20;

/** Quotes within an unquoted field are taken as they stand. */
export const readOptions = (delimiter: string) =>
  ({
    delimiter,
    relax_quotes: true,
    relax_column_count: true,
    skip_empty_lines: true,
    record_delimiter: ['\r\n', '\n'],
    max_record_size: 0,
  }) satisfies Options;

/** Excel's own line before a table, `sep=;`: any character but a quote, and in quotes where a program wrote it as a field. */
const SEPARATOR_LINE = /^"?sep=([!#-/:-@[-`{-~\t])"? *\r?\n/i;

export type FoundDelimiter = {
  delimiter: string;
  /** Characters before the header line. */
  skip: number;
  warnings: string[];
};

/** How well a delimiter explains the first records: how many of them have as many fields as the header line. */
function score(sample: string, delimiter: string): number {
  // Where the sample ends, and where quotes are wrong, a record has no end: it tells nothing then.
  const options = { ...readOptions(delimiter), to: SAMPLE_RECORDS, skip_records_with_error: true };
  const records: string[][] = parse(sample, options);
  const columns = records[0]?.length ?? 1;
  if (columns === 1) return 0;
  const alike = records.filter(({ length }) => length === columns).length / records.length;
  return alike + columns / 10_000;
}

/** The whole lines at the beginning of a text, as a line that was cut would have too few fields. */
async function firstLines(file: TextFile): Promise<string> {
  for await (const piece of utf8Pieces(file)) {
    const sample = Buffer.from(piece.subarray(0, SAMPLE_BYTES)).toString('utf8');
    return piece.length <= SAMPLE_BYTES ? sample : sample.slice(0, sample.lastIndexOf('\n') + 1);
  }
  return '';
}

/**
 * What separates the fields of a table: what it says itself, else what fits its first lines best. Throws `invalid_input`
 * where comments stand above its header line.
 */
export async function findDelimiter(
  file: TextFile,
  given: string | null,
  field: string,
): Promise<FoundDelimiter> {
  const sample = await firstLines(file);
  refuseOthers(sample, OTHERS, field);
  const said = SEPARATOR_LINE.exec(sample);
  const skip = said?.[0].length ?? 0;
  const delimiterOf = (text: string) => said?.[1] ?? bestDelimiter(text, given);
  const counterFor = (text: string) => {
    const options = { ...readOptions(delimiterOf(text)), to: 1, skip_records_with_error: true };
    return (record: string) => parse(record, options)[0]?.length ?? 0;
  };
  const table = sample.slice(skip);
  refuseComments(table, counterFor, field);
  return { delimiter: delimiterOf(sample), skip, warnings: said ? [] : titleWarning(table, field) };
}

type Other = { form: RegExp; problem: string; valid: string };
const PAGE: Other = {
  form: /^\s*<(!doctype html|html|head)\b/i,
  problem: 'is a page of HTML, as a download is that needed somebody to log in',
  valid: 'the table itself',
};
const RICH_TEXT: Other = {
  form: /^\s*\{\\rtf/,
  problem: 'is rich text (RTF)',
  valid: 'the same saved as plain text',
};
/** How dumps of PostgreSQL, MySQL, SQLite and SQL Server begin. */
const SQL =
  /^\s*(?:(?:INSERT|REPLACE)\s+INTO\s|(?:CREATE|DROP)\s+(?:TABLE|DATABASE|SCHEMA)\s|COPY\s[^\n]*\sFROM\s+stdin;|(?:BEGIN|START) TRANSACTION;|USE\s+[`[]|(?:PRAGMA|SET)\s+\w+\s*=|\/\*!\d|--\s*\n--|--[^\n]*(?:SQL|dump|database)\b)/i;
const OTHERS: Other[] = [
  PAGE,
  RICH_TEXT,
  {
    form: SQL,
    problem: 'is SQL, as a dump of a database is',
    valid: 'the rows of a query as CSV (psql --csv, sqlite3 -header -csv)',
  },
  { form: /^\s*<\?xml\s/i, problem: 'is XML', valid: 'its rows as CSV, or as a JSON array of objects' },
  {
    form: /^\s*(\[\s*\{|\{\s*"[^"]*"\s*:)/,
    problem: 'is JSON',
    valid: 'the same file named .json, or .jsonl where each line is an object',
  },
];

/** Throws `invalid_input` where a text is something else, each line of which would be a row. */
function refuseOthers(sample: string, others: readonly Other[], field: string): void {
  const found = others.find(({ form }) => form.test(sample));
  if (found !== undefined) throw unreadable(field, { problem: found.problem, valid: found.valid });
}

/** A title above the header line hides what separates the fields: each row would be one. */
function titleWarning(sample: string, field: string): string[] {
  const below = sample.slice(sample.indexOf('\n') + 1);
  const isSeparated = (text: string) => (delimiter: string) => score(text, delimiter) > 0;
  if (!below.includes('\n') || candidates.some(isSeparated(sample))) return [];
  const found = candidates.find((delimiter) => score(below, delimiter) > 1);
  // Commas make rows of too many fields, which is told of each.
  if (found === undefined || found === ',') return [];
  return [
    `The first line of ${field} names one column, and those below are separated by ${JSON.stringify(found)}. If the first line is a title, remove it: the header line has to be the first.`,
  ];
}

/** Fewer lines can have equally many commas by chance. */
const FEWEST_LINES = 5;

/** A warning where the lines of a text are those of a table, whose header line would be a row like the others. */
export async function tableInLines(file: TextFile, field: string): Promise<string[]> {
  const sample = await firstLines(file);
  refuseOthers(sample, [PAGE, RICH_TEXT], field);
  const lines = sample.split('\n').filter((line) => line.trim() !== '').length;
  const found = candidates.find(
    (delimiter) => score(sample, delimiter) > 1 && lines >= (delimiter === '\t' ? 2 : FEWEST_LINES),
  );
  if (found === undefined) return [];
  const [what, ending] = found === '\t' ? ['tabs', '.tsv'] : [JSON.stringify(found), '.csv'];
  return [
    `Every line of ${field} is a row, its first too, as it is a .txt, and all have equally many fields, separated by ${what}. If it is a table with a header line, name it ${ending}.`,
  ];
}

function bestDelimiter(sample: string, given: string | null): string {
  const scores = candidates.map((delimiter) => ({ delimiter, score: score(sample, delimiter) }));
  const best = scores.reduce((best, each) => (each.score > best.score ? each : best));
  // What a table's ending says holds, unless its header line has none of that and all its lines fit another.
  const isGiven = scores.some((each) => each.delimiter === given && each.score > 0);
  if (given !== null && (isGiven || best.score < 1)) return given;
  return best.score > 0 ? best.delimiter : ',';
}

/**
 * Throws `invalid_input` where lines above a header line are comments, as the first of them would be taken for it. A header line
 * may begin with `#` too: then it has as many fields as what follows.
 * `counterFor` finds out how the fields of a text are separated, and counts those of its first record.
 */
function refuseComments(
  sample: string,
  counterFor: (text: string) => (record: string) => number,
  field: string,
): void {
  const lines = sample.split(/\r?\n/).filter((line) => line.trim() !== '');
  const comments = lines.findIndex((line) => !line.startsWith('#'));
  if (comments < 1) return;
  const rest = lines.slice(comments).join('\n');
  const fieldsOf = counterFor(rest);
  const fields = fieldsOf(rest);
  // With one column alone only the blank tells a comment from a name like #id.
  const isComment = (line: string) => (fields === 1 ? /^#+\s/.test(line) : fieldsOf(line) !== fields);
  if (!lines.slice(0, comments).some(isComment)) return;
  throw unreadable(field, {
    problem: `begins with ${counted(comments, 'comment line')} (#) above its header line`,
    valid: 'the file without them: its first line names the columns',
  });
}
