import { stringifyExact } from '../../lib/exact-json.ts';
import { isJsonObject } from '../../lib/json.ts';
import type { AnswersSource, EarlierAnswer } from '../work.ts';
import { type ItemSource, wanted } from './item-source.ts';
import type { SourceRow } from './source-row.ts';
import type { Cells } from './tables/table.ts';

/** The answers of an earlier batch as tasks, under the ids that they had. */
export function answersSource({ answers, notes, form }: AnswersSource): ItemSource {
  return {
    count: async () => answers.count(),
    async *items(spread, begin) {
      begin({
        ...(form && { form }),
        columns: null,
        warnings: () => [...notes],
        skipped: () => answers.skipped(),
      });
      let number = 0;
      for await (const group of answers.read()) {
        yield wanted(group, number, spread).map((answer, index) => toRow(answer, number + index + 1));
        if (spread.isDone) return;
        number += group.length;
      }
    },
  };
}

/** Stands for an answer that has not come yet. */
export const TO_COME = '(the answer to come)';

/** What places can name: the answer as `text` and `json`, its variant, and its row's columns; under `row` too where a column has such a name. */
function toRow(answer: EarlierAnswer, number: number): SourceRow {
  const { task_id, json, variant } = answer;
  const row = answer.row ?? {};
  const text = answer.text ?? (json === undefined || answer.awaited ? TO_COME : stringifyExact(json));
  const asked: Cells = variant === undefined ? {} : { variant };
  const said: Cells = { text, ...(json !== undefined && { json }), ...asked };
  const isHidden = Object.keys(said).some((name) => Object.hasOwn(row, name));
  return {
    number,
    place: `answer ${number}`,
    task_id,
    cells: { ...row, ...said, ...(isHidden && { row }) },
    input: isJsonObject(json) ? json : { text },
    within: isJsonObject(json) ? Object.keys(json).map((key) => `json.${key}`) : [],
    ...(answer.awaited && { awaited: { kind: 'earlier' as const, ...answer.awaited } }),
    kept: keptOf(keptOf(row, isJsonObject(json) ? json : { text }), asked),
  };
}

/** The row with what the answer said beside it, for the files of the answers to come. */
function keptOf(row: Cells, said: Cells): Cells {
  const kept = { ...row };
  for (const [name, value] of Object.entries(said)) {
    let free = name;
    while (Object.hasOwn(kept, free)) free = `earlier.${free}`;
    kept[free] = value;
  }
  return kept;
}
