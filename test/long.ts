import { it } from 'vitest';

/** Of tests that are long by nature: `npm run test:long` runs them, the default run leaves them out. */
export const long = { tags: ['long'] };

/**
 * A test per row, as by `it.each`: the first row and every `n`th after it in the default run, those between in
 * `npm run test:long`.
 */
export function eachNth<Row extends [unknown, ...unknown[]]>(n: number, rows: readonly Row[]) {
  return (name: string, run: (...row: Row) => Promise<void>): void => {
    it.each(rows.filter((_, index) => index % n === 0))(name, run);
    it.each(rows.filter((_, index) => index % n !== 0))(name, long, run);
  };
}

/** The same for rows of one value. */
export function eachNthOf<Value>(n: number, values: readonly Value[]) {
  return eachNth(
    n,
    values.map((value): [Value] => [value]),
  );
}

/**
 * A property that holds whatever it is given: `run` tries it so many times in `npm run test:long`, and a fourth of them in the
 * default run.
 */
export function tried(name: string, times: number, run: (times: number) => Promise<void>): void {
  it(name, () => run(Math.ceil(times / 4)));
  it(`${name}, tried ${times} times`, long, () => run(times));
}
