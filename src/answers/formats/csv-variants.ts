import { cellText } from '../../lib/cell-text.ts';
import type { AnsweredItem } from '../answer.ts';
import {
  about,
  aboutNames,
  answerCells,
  type CsvColumns,
  type CsvForm,
  createColumnFinder,
  csvHead,
  csvLine,
  inOrder,
} from './csv.ts';
import { freeName, freeNames } from './flat-answer.ts';

/** A file's header, and its line for each row. */
type VariantsLayout = { head: string; line: (item: AnsweredItem) => string };

/** One line per row: its columns unchanged, then each variant's keys and the facts about its answer, as `A.label`. */
export async function csvOfVariants(
  items: AsyncIterable<AnsweredItem>,
  variants: readonly string[],
  form?: CsvForm,
  written: readonly string[] = [],
): Promise<VariantsLayout> {
  const row = new Set<string>();
  const finders = new Map(variants.map((variant) => [variant, createColumnFinder()]));
  for await (const { row: cells, answers } of items) {
    for (const column of Object.keys(cells ?? {})) row.add(column);
    for (const [variant, answer] of answers) finders.get(variant)?.add({ row: null, answer });
  }
  const columns = inOrder([...row], written);
  const taken = new Set(columns);
  const id = freeName('task_id', 'batch', taken);
  const groups = [...finders].map(([variant, finder]): [string, CsvColumns] => [variant, finder.columns()]);
  return {
    head: csvHead(
      [id, ...columns, ...groups.flatMap(([variant, group]) => headOf(variant, group, taken))],
      form,
    ),
    line({ task_id, row: cells, answers }) {
      const line = [
        task_id,
        ...columns.map((column) => cellText(cells?.[column])),
        ...groups.flatMap(([variant, group]) => {
          const answer = answers.get(variant);
          if (answer === undefined) return [...group.answer, ...aboutNames(group)].map(() => '');
          const facts = about(answer);
          return [
            ...answerCells(group.answer, answer),
            ...aboutNames(group).map((name) => cellText(facts[name])),
          ];
        }),
      ];
      return csvLine(line, form);
    },
  };
}

function headOf(variant: string, { answer, ...group }: CsvColumns, taken: Set<string>): string[] {
  const names = [...answer, ...freeNames(aboutNames(group), 'batch', new Set(answer))];
  return freeNames(
    names.map((name) => `${variant}.${name}`),
    'answer',
    taken,
  );
}
