import type { JsonObject } from '../lib/json.ts';
import { itemId } from '../tasks/variants.ts';
import type { Answer } from './answer.ts';
import type { AnsweredRow } from './view.ts';

/** The answers to one row, file or task under each variant. */
export type AnsweredItem = {
  /** Its id, without a variant's name behind it. */
  task_id: string;
  row: JsonObject | null;
  answers: Map<string, Answer>;
};

/** Puts the answers to one item together, which stand one after another; those of tasks without variants are left out. */
export async function* byItem(answers: AsyncIterable<AnsweredRow>): AsyncGenerator<AnsweredItem> {
  let item: AnsweredItem | null = null;
  for await (const { answer, row, variant } of answers) {
    if (variant === undefined) continue;
    const task_id = itemId({ task_id: answer.task_id, variant });
    if (item !== null && item.task_id !== task_id) {
      yield item;
      item = null;
    }
    item ??= { task_id, row, answers: new Map() };
    item.answers.set(variant, answer);
  }
  if (item !== null) yield item;
}
