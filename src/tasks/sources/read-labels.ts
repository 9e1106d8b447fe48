import { BatchError } from '../../errors.ts';
import type { AllowedFolders } from '../../lib/files/allowed-folders.ts';
import type { JsonObject } from '../../lib/json.ts';
import { quoteName } from '../../lib/nearest.ts';
import { rowsOf, withTable } from './tables/open-table.ts';

const VALID =
  'a list of different texts, as in ["refund", "card_lost"], or the path of one (.json, .txt or a .csv of one column)';

/** The labels that answers choose from, as they were given or as their file has them. Throws `invalid_input`. */
export async function readLabels(
  given: readonly string[] | string,
  folders: AllowedFolders,
): Promise<string[]> {
  const labels = typeof given === 'string' ? await labelsIn(given, folders) : [...given];
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
  return labels;
}

/** A list in a file is a table of one column. */
async function labelsIn(file: string, folders: AllowedFolders): Promise<string[]> {
  const labels: string[] = [];
  for await (const rows of withTable(file, 'labels', folders, rowsOf)) {
    for (const row of rows) {
      if ('problem' in row) throw badLabels(`row ${row.number} ${row.problem.problem}`);
      const [label, ...others] = Object.values(row.cells);
      if (typeof label !== 'string' || others.length > 0)
        throw badLabels(`row ${row.number} is not one text`);
      labels.push(label);
    }
  }
  return labels;
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
