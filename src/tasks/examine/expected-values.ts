import { cellText, isSame } from '../../lib/cell-text.ts';
import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import { ownValue } from '../../lib/names.ts';
import { quoteName } from '../../lib/nearest.ts';
import { counted } from '../../lib/numbers.ts';
import type { Task } from '../task.ts';

/** What answers are compared with: a key of the answer, and the column with its right value. */
export type Expectations = Readonly<Record<string, string>>;

/** The values that a schema allows for a key, and which values of the column are among them. */
type Choice = { values: readonly unknown[]; known: Map<string, boolean> };

/** Beyond this many different values a column is looked up again. */
const MOST_KNOWN = 2_000;

const choices = new WeakMap<JsonObject, Map<string, Choice | null>>();

/** Null where the schema leaves the key open. */
function choiceOf(schema: JsonObject, key: string): Choice | null {
  const ofKeys = choices.get(schema) ?? new Map<string, Choice | null>();
  choices.set(schema, ofKeys);
  const found = ofKeys.get(key);
  if (found !== undefined) return found;
  const { properties } = schema;
  const property = isJsonObject(properties) ? ownValue(properties, key) : undefined;
  const values = isJsonObject(property) && Array.isArray(property.enum) ? property.enum : null;
  const made = values && { values, known: new Map<string, boolean>() };
  ofKeys.set(key, made);
  return made;
}

function holds({ values, known }: Choice, value: unknown): boolean {
  const name = `${typeof value} ${cellText(value)}`;
  const found = known.get(name) ?? values.some((each) => isSame(value, each));
  if (known.size < MOST_KNOWN) known.set(name, found);
  return found;
}

/** Warns where no answer can match its row, as the column's value is not among the allowed ones. */
export function unreachable(
  expect: Expectations | undefined,
  task: Task,
  schema: JsonObject | undefined,
): string[] {
  if (expect === undefined || schema === undefined || task.kind !== 'row') return [];
  const { cells, awaited } = task.row;
  // A placeholder for an answer that has not come has no values.
  if (awaited !== undefined) return [];
  return Object.entries(expect).flatMap(([key, column]) => {
    const choice = choiceOf(schema, key);
    const value = ownValue(cells, column);
    if (choice === null || cellText(value).trim() === '' || holds(choice, value)) return [];
    return [
      `expect: what column ${quoteName(column)} holds is none of the ${counted(choice.values.length, 'value')} that ${quoteName(key)} can have, so no answer can be as expected there`,
    ];
  });
}
