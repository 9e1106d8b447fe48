import { stringify } from 'csv-stringify/sync';
import { cellText } from '../../lib/cell-text.ts';
import type { BatchRecord } from '../../store/record.ts';
import type { Answer, AnsweredRow } from '../answer.ts';
import { freeNames, keysOf } from './flat-answer.ts';
import { withoutFormula } from './formula.ts';

/** The columns of a batch's rows and the keys of its answers, in order of appearance. */
export type CsvColumns = { row: string[]; answer: string[]; left_out: boolean; expected: boolean };

/** An answer with more keys than a sheet can show stays a single piece of JSON. */
const MOST_KEYS = 200;

/** Collects the columns of answers and rows, which are known only once all have been seen. */
export function createColumnFinder(written: readonly string[] = []) {
  const row = new Set<string>();
  const answer = new Set<string>();
  let left_out = false;
  let expected = false;
  let wordless = false;
  return {
    add({ row: cells, answer: said }: AnsweredRow) {
      left_out ||= said.left_out !== undefined;
      expected ||= said.expected !== undefined;
      for (const column of Object.keys(cells ?? {})) row.add(column);
      // A failed answer without words has no key of its own: it adds no column to those of other answers.
      if (said.text === '' && said.outcome !== 'succeeded' && !said.tool_calls) wordless = true;
      else for (const key of Object.keys(keysOf(said))) answer.add(key);
    },
    columns: (): CsvColumns => ({
      row: inOrder([...row], written),
      answer: answer.size > MOST_KEYS || (wordless && answer.size === 0) ? ['answer'] : [...answer],
      left_out,
      expected,
    }),
  };
}

/** Names in the order in which they were written, those that are not known from there last. */
export function inOrder(names: readonly string[], written: readonly string[]): string[] {
  const found = new Set(names);
  return [...new Set([...written.filter((name) => found.has(name)), ...names])];
}

const aboutAnswer = ['outcome', 'error_type', 'error_message', 'model', 'input_tokens', 'output_tokens'];

/** `expected`, and `left_out` (what no cell holds of an answer), only if some answer in the file has them. */
export const aboutNames = ({ left_out, expected }: Pick<CsvColumns, 'left_out' | 'expected'>) => [
  ...(expected ? ['expected'] : []),
  ...aboutAnswer,
  ...(left_out ? ['left_out'] : []),
];

export function about({ outcome, error, left_out, expected, details }: Answer): Record<string, unknown> {
  const { usage, model } = details ?? {};
  return {
    expected,
    outcome,
    error_type: error?.type,
    error_message: error?.message,
    model,
    input_tokens: usage?.input_tokens,
    output_tokens: usage?.output_tokens,
    left_out: left_out?.join(', '),
  };
}

/** A file's header, and its lines for each answer. */
type CsvLayout = { head: string; line: (answered: AnsweredRow) => string };

/** Writes the lines of a file. */
export type CsvForm = Pick<BatchRecord, 'form'>['form'];

/** Answers beside their rows, whose columns come first and unchanged. */
export function csvOfRows({ row, answer, ...columns }: CsvColumns, form?: CsvForm): CsvLayout {
  const names = aboutNames(columns);
  const taken = new Set(row);
  const answerNames = freeNames(answer, 'answer', taken);
  const [id = '', ...ownNames] = freeNames(['task_id', ...names], 'batch', taken);
  return {
    head: csvHead([id, ...row, ...answerNames, ...ownNames], form),
    line({ row: cells, answer: said }) {
      const facts = about(said);
      return csvLine(
        [
          said.task_id,
          ...row.map((column) => cellText(cells?.[column])),
          ...answerCells(answer, said),
          ...names.map((name) => cellText(facts[name])),
        ],
        form,
      );
    },
  };
}

/** An answer's values for these keys; all of it in one cell if it has too many keys for a sheet. */
export function answerCells(names: readonly string[], said: Answer): string[] {
  const keys = keysOf(said);
  const oneCell = names.length === 1 && names[0] === 'answer';
  const whole = oneCell && !Object.hasOwn(keys, 'answer') && Object.keys(keys).length > 0;
  return whole ? [cellText(keys)] : names.map((key) => cellText(keys[key]));
}

/** Answers to tasks without rows: each in one cell. */
export function csvOfTasks({ left_out }: Pick<CsvColumns, 'left_out'>): CsvLayout {
  const [outcome = '', ...others] = aboutNames({ left_out, expected: false });
  return {
    head: csvHead(['task_id', outcome, 'answer', ...others], undefined),
    line({ answer }) {
      const facts = about(answer);
      const cells = [facts.outcome, answerCell(answer), ...others.map((name) => facts[name])];
      return csvLine([answer.task_id, ...cells.map(cellText)], undefined);
    },
  };
}

/** The text or the JSON; tool calls as JSON, below any text that precedes them. */
function answerCell({ text, json, tool_calls }: Answer): string {
  const said = json === undefined ? (text ?? '') : cellText(json);
  return [said, tool_calls ? cellText(tool_calls) : ''].filter((part) => part !== '').join('\n');
}

const LINE_END = /[\r\n]/;

export function csvLine(cells: string[], form: CsvForm): string {
  return stringify([cells.map(withoutFormula)], {
    delimiter: form?.separator ?? ',',
    record_delimiter: form?.crlf ? '\r\n' : '\n',
    // Of its own accord it quotes a cell for the line end of the file alone.
    quoted_match: LINE_END,
  });
}

/** The mark tells a spreadsheet the encoding: without it every umlaut shows as two characters. */
export const csvHead = (names: string[], form: CsvForm): string =>
  (form?.marked ? '\u{feff}' : '') + csvLine(names, form);
