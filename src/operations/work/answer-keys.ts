import { BatchError, type Problem } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import { hasName } from '../../lib/names.ts';
import { didYouMean, quoteName } from '../../lib/nearest.ts';
import type { TaskDefaults } from '../../tasks/task.ts';
import { settingsOf } from '../../tasks/variants.ts';
import type { Work } from '../../tasks/work.ts';

/** The columns that answers are compared with. That they exist is checked when the table is read. */
export function expectedKeys(
  { expect = {} }: { expect?: Record<string, string> | undefined },
  { output_schema: schema, prompt, task_type }: TaskDefaults,
): Record<string, string> | undefined {
  const keys = Object.keys(expect);
  if (keys.length === 0) return undefined;
  // A task type decides the form of its answers, unless a schema does.
  if (schema === undefined && prompt === undefined && task_type !== undefined) return expect;
  const known = schema === undefined ? ['answer'] : propertiesOf(schema);
  const unknown = keys.find((key) => known !== null && !hasName(known, key));
  if (known === null || unknown === undefined) return expect;
  const problem = `${quoteName(unknown)} is not a key of the answers${didYouMean(unknown, known)}`;
  const what =
    schema === undefined
      ? 'answer, for answers that are texts, or labels or output_schema'
      : known.join(', ');
  throw unknownKey({ field: 'expect', problem, valid: what });
}

/** Throws where files are to hold a key that no answer can have: all settings of a row or a file are shared. */
export function requireKey({ source, defaults, variants }: Work, output_key: string | undefined): void {
  if (output_key === undefined || source.kind === 'requests' || source.kind === 'requests_file') return;
  const open = settingsOf({ defaults, variants }).map(({ output_schema, prompt, task_type }) =>
    // A task type decides the form of its answers, unless a schema does.
    output_schema !== undefined
      ? propertiesOf(output_schema)
      : prompt === undefined && task_type !== undefined
        ? null
        : [],
  );
  const known = open.flatMap((keys) => keys ?? []);
  const [first = ''] = output_key.split('.');
  if (open.includes(null) || hasName(known, output_key) || hasName(known, first)) return;
  const problem = `${quoteName(output_key)} is not a key of the answers${didYouMean(output_key, known)}`;
  const keys = [...new Set(known)].join(', ');
  const valid = known.length === 0 ? 'none, as answers are texts without labels or output_schema' : keys;
  throw unknownKey({ field: 'output_key', problem, valid });
}

/** The keys that a schema gives to an answer; null where it leaves them open. */
function propertiesOf({ properties, additionalProperties, patternProperties }: JsonObject): string[] | null {
  if (!isJsonObject(properties) || patternProperties !== undefined) return null;
  return additionalProperties === false ? Object.keys(properties) : null;
}

function unknownKey(problem: Problem): BatchError {
  return new BatchError('invalid_input', 'The work was refused; nothing was sent.', { problems: [problem] });
}
