import { BatchError } from '../../errors.ts';
import type { AllowedFolders } from '../../lib/files/allowed-folders.ts';
import type { JsonObject } from '../../lib/json.ts';
import { quoteName } from '../../lib/nearest.ts';
import { counted } from '../../lib/numbers.ts';
import { rowsOf, withTable } from './tables/open-table.ts';
import type { Table } from './tables/table.ts';

const VALID =
  'a list of different texts, as in ["refund", "card_lost"], or the path of one (.json, .txt or a .csv of one column)';

/** Not a path, which ends as a file name does. */
const isSeveral = (given: string) => /[,;|\n]/.test(given) && !/\.\w{2,6}\s*$/.test(given);

/** Labels, and what is odd about the file that they came from. */
export type ReadLabels = { labels: string[]; notes: string[] };

/** The labels that answers choose from, as they were given or as their file has them. Throws `invalid_input`. */
export async function readLabels(
  given: readonly string[] | string,
  folders: AllowedFolders,
): Promise<ReadLabels> {
  if (typeof given === 'string' && isSeveral(given)) throw badLabels('is one text of several labels');
  const read = typeof given === 'string' ? await labelsIn(given, folders) : { labels: [...given], notes: [] };
  const { labels } = read;
  if (labels.length === 0) throw badLabels('holds no label');
  const blank = labels.findIndex((label) => label.trim() === '');
  if (blank !== -1) throw badLabels(`has no text as label ${blank + 1}`);
  const half = labels.findIndex((label) => !label.isWellFormed());
  if (half !== -1) throw badLabels(`holds half of a character (half a surrogate pair) in label ${half + 1}`);
  const seen = new Map<string, number>();
  for (const [index, label] of labels.entries()) {
    const plain = label.trim().normalize();
    const earlier = seen.get(plain);
    if (earlier !== undefined)
      throw badLabels(`has ${quoteName(plain)} twice (${earlier + 1} and ${index + 1})`);
    seen.set(plain, index);
  }
  const [only = ''] = labels;
  return labels.length > 1 ? read : { labels, notes: [...read.notes, onlyOne(only)] };
}

/** A choice of one is a list that was cut short, or a question that needs no answer. */
const onlyOne = (label: string) =>
  `labels holds one label alone, so every answer is ${quoteName(label)}, whatever the task says.`;

/** What people call a column of labels; after another word it may still be a label. */
const HEAD =
  /(?<before>^|.*[\W_])(labels?|(sub)?categor(y|ies)|class(es)?|tags?|intents?|topics?|types?|names?|values?|texts?|kategorien?|klassen?|catégories?|categorías?)$/i;

type Head = { isLabel: boolean; note?: string };

/** Whether the first line of a table of one column is its header line, which only its words can tell. */
function headOf(name: string): Head {
  const found = HEAD.exec(name.replace(/([a-z])([A-Z])/g, '$1_$2'));
  if (found?.groups?.before === '') return { isLabel: false };
  const [meaning, other] =
    found === null
      ? // One too many is seen, and one that is missing by nobody.
        ['a label, as no header line says that labels follow', 'If it is the header line, call it "label"']
      : ['the header line', 'If it is a label, put the line "label" above it'];
  return {
    isLabel: found === null,
    note: `The first line of labels, ${quoteName(name)}, was taken as ${meaning}. ${other}.`,
  };
}

/** A list in a file is a table of one column. */
async function labelsIn(file: string, folders: AllowedFolders): Promise<ReadLabels> {
  const labels: string[] = [];
  const notes: string[] = [];
  const begin = (table: Table) => {
    const format = table.kind === 'blocks' ? table.format : null;
    const [name, ...others] = format?.kind === 'delimited' ? format.columns : [];
    const head = name === undefined || others.length > 0 ? null : headOf(name);
    if (name !== undefined && head?.isLabel) labels.push(name);
    if (head?.note !== undefined) notes.push(head.note);
    return rowsOf(table);
  };
  for await (const rows of withTable(file, 'labels', folders, begin)) {
    for (const row of rows) {
      if ('problem' in row) throw badLabels(`row ${row.number} ${row.problem.problem}`);
      const [label, ...others] = Object.values(row.cells);
      if (others.length > 0)
        throw badLabels(`has several columns (${Object.keys(row.cells).slice(0, 10).join(', ')})`);
      if (typeof label !== 'string') throw badLabels(`row ${row.number} is not one text`);
      labels.push(label);
    }
  }
  const marked = whatMarks(labels);
  if (marked !== null) throw badLabels(marked);
  return { labels, notes: notes.map((note) => `${note} ${counted(labels.length, 'label')} were read.`) };
}

const BULLET = /^\s*[-*+\u2022]\s/;
const COMMENT = /^\s*(#+\s|\/\/)/;

/** What lines have that were written for people: it would stand in every answer, or be one. Null where there is none. */
function whatMarks(labels: readonly string[]): string | null {
  const [only = ''] = labels;
  if (labels.length === 1 && isSeveral(only)) return 'holds several labels on one line';
  if (labels.length > 1 && labels.every((label) => BULLET.test(label)))
    return 'has a bullet before each label';
  const comment = labels.findIndex((label) => COMMENT.test(label));
  return comment !== -1 && !labels.every((label) => COMMENT.test(label))
    ? `has a comment in the place of label ${comment + 1}`
    : null;
}

function badLabels(problem: string): BatchError {
  return new BatchError('invalid_input', 'The work was refused; nothing was sent.', {
    problems: [{ field: 'labels', problem, valid: VALID }],
  });
}

/** The schema of an answer that is one of the labels. */
export const labelSchema = (labels: readonly string[]): JsonObject => ({
  type: 'object',
  properties: { label: { type: 'string', enum: [...labels] } },
  required: ['label'],
  additionalProperties: false,
});
