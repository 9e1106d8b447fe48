import type { Problem } from '../../../errors.ts';
import { quoteName } from '../../../lib/nearest.ts';
import { unreadable } from '../text-file.ts';

const MOST_COLUMNS = 1000;

/** A column as a place names it: without blanks around it, its characters composed (NFC), as people type them. */
export const columnName = (given: string) => given.trim().normalize();

/**
 * The names in a head line. One that is empty gets a name by its place, as pandas writes an index, and a warning.
 * Throws `invalid_input` where a name stands twice, for a place could mean either.
 */
export function columnsOf(head: readonly string[], field: string): { columns: string[]; warnings: string[] } {
  const warnings: string[] = [];
  const names = head.map(columnName);
  const columns = names.map((given, index) => {
    if (given !== '') return given;
    let name = `column_${index + 1}`;
    while (names.includes(name)) name += '_';
    warnings.push(`Column ${index + 1} of ${field} has no name: it is called ${name}.`);
    return name;
  });
  if (columns.length > MOST_COLUMNS) {
    const valid = `at most ${MOST_COLUMNS}`;
    throw unreadable(field, { problem: `has ${columns.length} columns in its head line`, valid });
  }
  const problems = twice(columns);
  if (problems.length > 0) {
    const valid = 'a head line in which every column has a name of its own';
    throw unreadable(field, { problem: problems.join('; '), valid });
  }
  return { columns, warnings };
}

function twice(columns: readonly string[]): Problem['problem'][] {
  const first = new Map<string, number>();
  return columns.flatMap((name, index) => {
    const earlier = first.get(name);
    if (earlier === undefined) {
      first.set(name, index);
      return [];
    }
    return [`has the column ${quoteName(name)} twice (columns ${earlier + 1} and ${index + 1})`];
  });
}
