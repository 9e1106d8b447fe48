import { hasName } from '../../lib/names.ts';
import { didYouMean, quoteName } from '../../lib/nearest.ts';
import { asText } from '../../templates/prompt.ts';
import { valueAt } from '../render/places.ts';
import type { Merge } from '../work.ts';
import { TO_COME } from './answers-source.ts';
import type { ItemSource, SourceFacts } from './item-source.ts';
import { alikeWarning, leftOut } from './merge-warnings.ts';
import { type Awaited, LONGEST_ID, type SourceItem, type SourceRow } from './source-row.ts';
import type { Cells } from './tables/table.ts';
import { unreadable } from './text-file.ts';

/** Items that become one task. */
export type MergedItem = { id: string; text: string; awaited?: Awaited | undefined };

/** This much text is held of rows that belong together but need not be adjacent. */
const MOST_HELD_CHARACTERS = 64_000_000;

/** What places can name of a task that many items became. */
const COLUMNS = ['items', 'text', 'count'];

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string) => text.replaceAll(/[&<>"]/g, (sign) => escapes[sign] ?? sign);
const inTag = (text: string) => text.replaceAll(/[&<>]/g, (sign) => escapes[sign] ?? sign);

export const stageTaskId = (stage: number, number: number): string => `merge_${stage}_${number}`;

/** The places of a task's own columns; under `row` too where one has the name of a place of the merge. */
function ownPlaces(more: Cells): Cells {
  const isHidden = COLUMNS.some((name) => Object.hasOwn(more, name));
  return isHidden ? { ...more, row: more } : more;
}

/** One task from many items: each is in a tag with its id, and nothing in it can close that tag. */
export function mergedRow(
  items: readonly MergedItem[],
  task: { number: number; task_id: string; more?: Cells },
): SourceRow {
  const text = items.map(({ id, text }) => `<item id="${escaped(id)}">\n${inTag(text)}\n</item>`).join('\n');
  const { number, task_id, more = {} } = task;
  const count = items.length;
  const awaited = sumOf(items);
  const own = ownPlaces(more);
  return {
    number,
    place: task_id,
    task_id,
    cells: { ...own, items: text, count },
    text,
    input: { ...own, text },
    kept: Object.hasOwn(more, 'count') ? { ...more, 'merge.count': count } : { ...more, count },
    ...(awaited && { awaited }),
  };
}

function sumOf(items: readonly MergedItem[]): Awaited | undefined {
  let sum: Awaited | undefined;
  for (const { awaited } of items) {
    if (awaited?.kind !== 'earlier') continue;
    const before = sum?.kind === 'earlier' ? sum : { expected_tokens: 0, maximum_tokens: 0 };
    sum = {
      kind: 'earlier',
      expected_tokens: before.expected_tokens + awaited.expected_tokens,
      maximum_tokens: before.maximum_tokens + awaited.maximum_tokens,
    };
  }
  return sum;
}

/** Items of a source put together: so many at a time and their answers again until one is left, or by a column. */
export function mergedSource(source: ItemSource, merge: Merge): ItemSource {
  return {
    count: () => source.count(),
    async *items(spread, begin) {
      const stages: number[] = [];
      let without = 0;
      let alike: string[] = [];
      let taken = 0;
      const column = typeof merge === 'string' ? Object.keys(ownPlaces({ [merge]: '' })) : [];
      const inner = source.items(spread, (facts) => {
        if (typeof merge === 'string') requireColumn(facts, merge);
        const said = () => [facts.skipped(), without === 0 ? '' : `${without} without a value in the column`];
        const { files, form } = facts;
        begin({
          ...(files && { files }),
          ...(form && { form }),
          items: () => taken,
          columns: [...new Set([...COLUMNS, ...column])],
          warnings: () => [...facts.warnings(), ...leftOut(without, merge), ...alike],
          skipped: () =>
            said()
              .filter((each) => each !== '')
              .join('; '),
          stages: () => (stages.length > 1 ? stages : []),
        });
      });
      async function* counted() {
        for await (const items of inner) {
          taken += items.length;
          yield items;
        }
      }
      if (typeof merge === 'string') {
        const onNone = () => {
          without += 1;
        };
        const onGroups = (values: Iterable<string>) => {
          alike = alikeWarning(values, merge);
        };
        yield* byColumn(counted(), merge, onNone, onGroups);
      } else yield* inStages(counted(), merge, stages);
    },
  };
}

function requireColumn({ columns }: SourceFacts, column: string): void {
  if (columns === null || hasName(columns, column)) return;
  throw unreadable('merge', {
    problem: `${quoteName(column)} is not a column${didYouMean(column, columns)}`,
    valid: `a number, or one of ${columns.slice(0, 40).join(', ')}`,
  });
}

async function* inStages(
  source: AsyncIterable<SourceItem[]>,
  size: number,
  stages: number[],
): AsyncGenerator<SourceItem[]> {
  let held: MergedItem[] = [];
  let groups = 0;
  const take = () => {
    groups += 1;
    const row = mergedRow(held, { number: groups, task_id: stageTaskId(1, groups) });
    held = [];
    return row;
  };
  for await (const items of source) {
    for (const item of items) {
      const merged = toMerge(item);
      if ('problem' in merged) yield [merged];
      else if (held.push(merged) === size) yield [take()];
    }
  }
  if (held.length > 0) yield [take()];
  stages.push(groups);
  yield* standIns(groups, size, stages);
}

/** The tasks of the stages above, before the answers are there that they work on. */
function* standIns(groups: number, size: number, stages: number[]): Generator<SourceItem[]> {
  let number = groups;
  for (let below = groups, stage = 2; below > 1; stage += 1) {
    const count = Math.ceil(below / size);
    for (let index = 1; index <= count; index += 1) {
      number += 1;
      const answers = index < count ? size : below - (count - 1) * size;
      const row = mergedRow([{ id: '', text: TO_COME }], { number, task_id: stageTaskId(stage, index) });
      yield [{ ...row, kept: { count: answers }, awaited: { kind: 'own', answers } }];
    }
    stages.push(count);
    below = count;
  }
}

async function* byColumn(
  source: AsyncIterable<SourceItem[]>,
  column: string,
  onNone: () => void,
  onGroups: (values: Iterable<string>) => void,
): AsyncGenerator<SourceItem[]> {
  const groups = new Map<string, MergedItem[]>();
  let characters = 0;
  for await (const items of source) {
    for (const item of items) {
      const value = 'cells' in item ? asText(valueAt(item.cells, column) ?? '') : '';
      const merged = toMerge(item, column);
      if ('problem' in merged) yield [merged];
      else if (value.trim() === '') onNone();
      else {
        characters += merged.text.length;
        if (characters > MOST_HELD_CHARACTERS) throw tooMuch();
        const group = groups.get(value) ?? [];
        group.push(merged);
        groups.set(value, group);
      }
    }
  }
  if (groups.size === 0) throw noValue(column);
  onGroups(groups.keys());
  let number = 0;
  for (const [value, items] of groups) {
    number += 1;
    if (value.length > LONGEST_ID) {
      const problem = `its value in ${quoteName(column)} has ${value.length} characters`;
      yield [{ number, place: items[0]?.id ?? '', problem: { problem, valid: `at most ${LONGEST_ID}` } }];
      continue;
    }
    yield [mergedRow(items, { number, task_id: value, more: { [column]: value } })];
  }
}

function noValue(column: string) {
  const problem = `no item has ${quoteName(column)}`;
  return unreadable('merge', { problem, valid: 'a number, or a column that the items have' });
}

function tooMuch() {
  const problem = 'by a column holds more than 64 MB of text';
  return unreadable('merge', { problem, valid: 'a number, or a table for each value' });
}

/** What an item says: a file its text, a row its one column or each of them by name. */
function toMerge(item: SourceItem, aside?: string): MergedItem | Extract<SourceItem, { problem: unknown }> {
  if ('problem' in item) return item;
  const { number, place, task_id, text, attachment, cells, input, id_column, awaited } = item;
  if (attachment !== undefined) {
    const problem = { problem: "is not text, and can't be merged", valid: 'text files, or a task for each' };
    return { number, place, problem };
  }
  if (text !== undefined) return { id: task_id, text, awaited };
  const all = Object.entries(input ?? cells);
  // What an answer said is not a column of its row; a row of nothing else is what it says.
  const besideId = input === undefined ? all.filter(([name]) => name !== id_column) : all;
  const besideBoth = input === undefined ? besideId.filter(([name]) => name !== aside) : all;
  const columns = [besideBoth, besideId].find(({ length }) => length > 0) ?? all;
  const [only, ...others] = columns;
  const shown =
    only !== undefined && others.length === 0
      ? asText(only[1] ?? '')
      : columns.map(([name, value]) => `${name}: ${asText(value ?? '')}`).join('\n');
  return { id: task_id, text: shown, awaited };
}
