import type { Problem } from '../../../errors.ts';
import { parseExact } from '../../../lib/exact-json.ts';
import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import type { TaskEntry } from '../../../store/task-entry.ts';
import { renderContent } from '../../render/render-content.ts';

const IN_FULL = 'the tasks given whole in requests or requests_file; or task_ids of others';

const problem = (what: string) => ({ problems: [{ field: 'prompt', problem: what, valid: IN_FULL }] });

function objectIn(json: string): JsonObject {
  const { value } = parseExact(json);
  return isJsonObject(value) ? value : {};
}

/** The columns of a row of which a file's task keeps only its place. */
const FILE_COLUMNS = new Set(['path', 'part']);

/** What is kept of a task's row or input; nothing where neither is. */
export const keptInput = ({ row, input }: TaskEntry): JsonObject => objectIn(row ?? input ?? '{}');

/**
 * A new prompt over what a task was made of: its row, or its input, as far as that is kept. Its places are filled as those
 * of a shared prompt; one without any gets all of it.
 */
export function promptFor(
  { row, input }: TaskEntry,
  prompt: string,
): { text: string; warnings: string[] } | { problems: Problem[] } {
  const kept = row ?? input;
  if (kept === undefined)
    return problem('goes with rows and input_data, and none of that is kept of this task');
  const values = objectIn(kept);
  if (row !== undefined && Object.keys(values).every((name) => FILE_COLUMNS.has(name)))
    return problem('goes with rows and input_data, and the text of a file is not kept');
  const { rendered, problems, warnings } = renderContent({}, { prompt, input_data: values }, {});
  return rendered === undefined || problems.length > 0 ? { problems } : { text: rendered.prompt, warnings };
}
