import { cellText } from '../../lib/cell-text.ts';
import { roundShare } from '../../lib/numbers.ts';
import { type AnsweredItem, byItem } from '../answer.ts';
import { keysOf } from '../formats/flat-answer.ts';
import { type Filters, select } from '../page/select.ts';
import { chunked } from '../view/passes.ts';
import type { View } from '../view/view.ts';

/** How much the answers of two variants to the same rows agree in one key. */
export type Agreement = {
  variants: [string, string];
  key: string;
  /** How many rows both have answered with this key. */
  of: number;
  agree: number;
  share: number;
  /** Cohen's kappa; null if both always give one and the same value, or if nearly all answers differ. */
  kappa: number | null;
};

/** Longer texts are not labels, and don't agree by chance. */
const LONGEST_LABEL = 60;
const MOST_KEYS = 10;
/** With more different values than this they are not labels. */
const MOST_LABELS = 2_000;

type Counted = { of: number; agree: number; said: [Map<string, number>, Map<string, number>] };

/** Compares the finished answers of each pair of variants, row by row, in all keys with short values. Keeps no answer. */
export async function agreementIn(
  view: View,
  variants: readonly string[],
  filters: Filters,
): Promise<Agreement[]> {
  const pairs = variants.flatMap((first, index) =>
    variants.slice(index + 1).map((second) => ({ first, second, keys: new Map<string, Counted>() })),
  );
  for await (const { answers } of byItem(answersOf(view, filters))) {
    for (const { first, second, keys } of pairs)
      count(keys, labelsOf(answers, first), labelsOf(answers, second));
  }
  return pairs.flatMap(({ first, second, keys }) =>
    [...keys].map(([key, { of, agree, said }]) => ({
      variants: [first, second],
      key,
      of,
      agree,
      share: roundShare(agree / of),
      kappa: kappaOf(of, agree, said),
    })),
  );
}

async function* answersOf(view: View, filters: Filters) {
  for (const ordinals of chunked(await select(view, filters))) yield* await view.answeredRows(ordinals);
}

/** The short values of a finished answer by key; empty if there is no finished answer. */
function labelsOf(answers: AnsweredItem['answers'], variant: string): Map<string, string> {
  const answer = answers.get(variant);
  if (answer?.outcome !== 'succeeded') return new Map();
  const keys = Object.entries(keysOf(answer)).map(([key, value]): [string, string] => [key, labelOf(value)]);
  return new Map(keys.filter(([, label]) => label !== '' && label.length <= LONGEST_LABEL));
}

const PLAIN_NUMBER = /^-?\d{1,15}(\.\d{1,15})?$/;

/** Compares numbers by value, everything else as it is written. */
function labelOf(value: unknown): string {
  const text = cellText(value).trim().normalize();
  return PLAIN_NUMBER.test(text) ? String(Number(text)) : text;
}

function count(keys: Map<string, Counted>, a: Map<string, string>, b: Map<string, string>): void {
  for (const [key, first] of a) {
    const second = b.get(key);
    if (second === undefined || (!keys.has(key) && keys.size >= MOST_KEYS)) continue;
    const counted = keys.get(key) ?? { of: 0, agree: 0, said: [new Map(), new Map()] };
    keys.set(key, counted);
    counted.of += 1;
    if (first === second) counted.agree += 1;
    for (const [index, label] of [first, second].entries()) {
      const said = counted.said[index];
      if (said !== undefined && said.size <= MOST_LABELS) said.set(label, (said.get(label) ?? 0) + 1);
    }
  }
}

/** (p − e) / (1 − e), with p the share of equal answers and e the share that chance would give (Cohen, 1960). */
function kappaOf(of: number, agree: number, [a, b]: Counted['said']): number | null {
  if (a.size > MOST_LABELS || b.size > MOST_LABELS) return null;
  let byChance = 0;
  for (const [label, times] of a) byChance += times * (b.get(label) ?? 0);
  const rest = of * of - byChance;
  return rest === 0 ? null : roundShare((agree * of - byChance) / rest);
}
