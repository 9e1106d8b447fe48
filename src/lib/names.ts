/** Blanks that look like any other, and characters that look like nothing: what Word and web pages leave in a name. */
const FIXED_BLANKS = /[\u00a0\u2007\u202f]/g;
const NOTHING_SEEN = /[\u200b\u2060\ufeff]/g;

/** A name as people type it: its characters composed (NFC), its blanks plain and trimmed. */
export const plainName = (given: string): string =>
  given.replaceAll(FIXED_BLANKS, ' ').replaceAll(NOTHING_SEEN, '').trim().normalize();

/** Such a name has one form only, and most have. */
const ASCII = /^[ -~]*$/;

/** The key that a name stands for: written alike, or else one that reads alike. Undefined where there is none. */
export function ownName(values: object, name: string): string | undefined {
  return Object.hasOwn(values, name) ? name : namedAlike(Object.keys(values), name);
}

/** The value under that key. */
export function ownValue(values: Readonly<Record<string, unknown>>, name: string): unknown {
  const key = ownName(values, name);
  return key === undefined ? undefined : values[key];
}

/** Whether a name is among others, in whatever form its letters are written. */
export const hasName = (names: readonly string[], name: string): boolean =>
  names.includes(name) || namedAlike(names, name) !== undefined;

function namedAlike(names: readonly string[], name: string): string | undefined {
  const plain = plainName(name);
  return names.find((each) => (ASCII.test(each) ? each : plainName(each)) === plain);
}

/** Finds tasks by ids that were typed or repeated, perhaps with their letters in another form than they have here. */
export function createIdFinder<T>(given: ReadonlyMap<string, T>) {
  const sought = new Map(given);
  const alike = new Map([...given.keys()].filter((id) => !ASCII.test(id)).map((id) => [id.normalize(), id]));
  const near = new Map<string, number>();
  const found = new Map<number, T>();
  const take = (id: string, ordinal: number): boolean => {
    const value = sought.get(id);
    if (value === undefined) return false;
    found.set(ordinal, value);
    return sought.delete(id);
  };
  return {
    /** Compares the id of a task with those that are not found yet. */
    compare(taskId: string, ordinal: number): void {
      if (take(taskId, ordinal) || alike.size === 0 || ASCII.test(taskId)) return;
      const id = alike.get(taskId.normalize());
      if (id !== undefined) near.set(id, ordinal);
    },
    /** What was found by the tasks' ordinals, and what is left of that which was sought. */
    finish(): { found: ReadonlyMap<number, T>; left: ReadonlyMap<string, T> } {
      for (const [id, ordinal] of near) take(id, ordinal);
      return { found, left: sought };
    },
  };
}
