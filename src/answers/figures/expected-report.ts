import { roundShare } from '../../lib/numbers.ts';
import { chunksOf, oncePerView } from '../view/passes.ts';
import { compare } from './compare-with-row.ts';

/** The answers to rows with one expected value, and what was said instead, the most frequent first. */
type ExpectedGroup = {
  key: string;
  expected: string;
  of: number;
  matches: number;
  share: number;
  instead: { said: string; count: number }[];
};

/** How many of the finished answers are as expected, and where they deviate most. */
export type ExpectedReport = {
  of: number;
  matches: number;
  share: number;
  /** By key, if several are compared. */
  keys?: Record<string, { of: number; matches: number; share: number }>;
  worst: ExpectedGroup[];
};

const WORST = 5;
const INSTEAD = 3;
const LONGEST_TEXT = 60;
/** A column with more values than this forms no groups, and wrong answers to it are not counted one by one. */
const MOST_VALUES = 2_000;

type Counted = { of: number; matches: number };
type CountedGroup = Counted & { key: string; expected: string; instead: Map<string, number> };

const shared = ({ of, matches }: Counted) => ({
  of,
  matches,
  share: of === 0 ? 0 : roundShare(matches / of),
});
const shown = (text: string) =>
  text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT).toWellFormed()}…` : text;

/** Compares the answers of a whole view with what was expected; done once for all openings of the view. */
export const expectedIn = oncePerView(async (view): Promise<ExpectedReport> => {
  const all: Counted = { of: 0, matches: 0 };
  const keys = new Map<string, Counted>();
  const groups = new Map<string, CountedGroup>();
  for (const ordinals of chunksOf(view)) {
    for (const { answer, row } of await view.answeredRows(ordinals)) {
      if (answer.expected === undefined) continue;
      count(all, answer.expected);
      for (const compared of compare(view.expect, answer, row)) {
        const { key, expected, isRight } = compared;
        count(
          entry(keys, key, () => ({ of: 0, matches: 0 })),
          isRight,
        );
        const name = JSON.stringify([key, expected]);
        if (!groups.has(name) && groups.size >= MOST_VALUES) continue;
        const group = entry(groups, name, () => ({ key, expected, of: 0, matches: 0, instead: new Map() }));
        count(group, isRight);
        const said = shown(compared.said);
        if (isRight || (!group.instead.has(said) && group.instead.size >= MOST_VALUES)) continue;
        group.instead.set(said, (group.instead.get(said) ?? 0) + 1);
      }
    }
  }
  return {
    ...shared(all),
    ...(keys.size > 1 && {
      keys: Object.fromEntries([...keys].map(([key, counted]) => [key, shared(counted)])),
    }),
    worst: [...groups.values()]
      .filter(({ of, matches }) => matches < of)
      .sort((a, b) => a.matches / a.of - b.matches / b.of || b.of - a.of)
      .slice(0, WORST)
      .map(toGroup),
  };
});

function toGroup({ key, expected, instead, ...counted }: CountedGroup): ExpectedGroup {
  const most = [...instead].sort(([, a], [, b]) => b - a).slice(0, INSTEAD);
  return {
    key,
    expected: shown(expected),
    ...shared(counted),
    instead: most.map(([said, times]) => ({ said, count: times })),
  };
}

function count(counted: Counted, isRight: boolean): void {
  counted.of += 1;
  if (isRight) counted.matches += 1;
}

function entry<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}
