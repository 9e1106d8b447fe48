import { BatchError, type Problem } from '../../../errors.ts';
import { stringifyExact } from '../../../lib/exact-json.ts';
import { findHalfCharacters } from '../../../lib/half-characters.ts';
import { readLineBlocks } from '../../../lib/line-blocks.ts';
import type { Dialect } from '../../../provider/dialect.ts';
import type { Context } from '../../../state/context.ts';
import { examineLines } from '../../examine/examine-lines.ts';
import type { Examiner } from '../../examine/examiner.ts';
import { createIdList } from '../../ids.ts';
import { type Item, itemOf, itemWarnings, withTextIds } from '../../requests/read-item.ts';
import {
  formOf,
  readArray,
  refuseWrongShape,
  unreadableRequests,
  withFile,
} from '../../requests/read-requests.ts';
import { createTaskParser, givenId, itemName, type PlaceKind, placeName, type Task } from '../../task.ts';

/** Corrected tasks in a call, and the file of others. */
export type GivenCorrections = {
  requests?: readonly unknown[] | undefined;
  requests_file?: string | undefined;
};

export type Correction = { place: string; task: Task };

/** Corrections by the ids of their tasks, what is wrong with them, and warnings about them. */
type Corrections = { corrections: Map<string, Correction>; problems: Problem[]; warnings: string[] };

/** An item that was read, or why it can't be. */
type Read = { number: number } & ({ item: Item } | { problem: Problem });

/** The corrected tasks by id, from the call and from its file alike, and what is wrong with them. */
export async function readCorrections(
  context: Pick<Context, 'folders' | 'limits'>,
  { requests, requests_file }: GivenCorrections,
  dialect: Dialect,
): Promise<Corrections> {
  if (requests !== undefined) requireInline(requests, context.limits.inlineBytes);
  const inline = (requests ?? []).map((value, index) => ({ number: index + 1, item: itemOf(value) }));
  const given = gather(inline, 'requests', dialect);
  if (requests_file === undefined) return given;
  const isLines = formOf(requests_file) === 'lines';
  const read = isLines ? linesOf(requests_file, context) : elementsOf(requests_file, context);
  const items: Read[] = [];
  for await (const each of read) items.push(each);
  const found = gather(items, isLines ? 'line' : 'item', dialect);
  if (found.problems.length > 0)
    await refuseWrongShape({ kind: 'requests_file', path: requests_file }, context.folders);
  if (items.length === 0) throw unreadableRequests({ problem: 'holds no tasks', valid: 'at least one task' });
  return {
    corrections: new Map([...given.corrections, ...found.corrections]),
    problems: [...given.problems, ...found.problems, ...givenTwice(given.corrections, found.corrections)],
    warnings: [...given.warnings, ...found.warnings],
  };
}

/** A task that is both in the call and in its file: nobody can tell which of the two is meant. */
function givenTwice(inline: Map<string, Correction>, inFile: Map<string, Correction>): Problem[] {
  return [...inFile].flatMap(([id, { place }]) => {
    const other = inline.get(id);
    const problem = `is the same as that of ${other?.place}`;
    const valid = 'each task once, in requests or in requests_file';
    return other === undefined ? [] : [{ item: itemName(place, id), field: 'task_id', problem, valid }];
  });
}

function requireInline(requests: readonly unknown[], inlineBytes: number): void {
  const bytes = Buffer.byteLength(stringifyExact(requests));
  if (bytes <= inlineBytes) return;
  const valid = `at most ${inlineBytes} bytes inline; write the tasks to a .jsonl file and give it as requests_file`;
  throw new BatchError('invalid_input', 'These are too many corrections for one call; nothing was sent.', {
    problems: [{ field: 'requests', problem: `is ${bytes} bytes`, valid }],
  });
}

function gather(read: readonly Read[], places: PlaceKind, dialect: Dialect): Corrections {
  const corrections = new Map<string, Correction>();
  const problems: Problem[] = [];
  const warnings = new Set<string>();
  const parseTask = createTaskParser(dialect);
  const ids = createIdList(places);
  for (const each of read) {
    const place = placeName(places, each.number);
    if ('problem' in each) {
      problems.push({ item: place, ...each.problem });
      continue;
    }
    const item = withTextIds(each.item);
    for (const warning of itemWarnings(each.item)) warnings.add(warning);
    const id = givenId(item.value);
    const duplicate = id && ids.note(each.number, id);
    if (duplicate) problems.push(duplicate);
    const halves = item.mayHoldHalf ? findHalfCharacters(item.value) : [];
    const parsed = parseTask(item, place);
    if (halves.length > 0) {
      problems.push(...halves.map((problem) => ({ ...problem, item: itemName(place, id?.value) })));
    } else if (parsed.ok) corrections.set(parsed.task.task_id, { place, task: parsed.task });
    else problems.push(...parsed.problems);
  }
  return { corrections, problems, warnings: [...warnings] };
}

async function* elementsOf(file: string, { folders }: Pick<Context, 'folders'>): AsyncGenerator<Read> {
  let number = 0;
  for await (const item of readArray(file, folders)) {
    number += 1;
    yield { number, item };
  }
}

async function* linesOf(
  file: string,
  { folders, limits }: Pick<Context, 'folders' | 'limits'>,
): AsyncGenerator<Read> {
  const read: Read[] = [];
  const collector: Pick<Examiner, 'add' | 'refuse'> = {
    add: (number, item) => read.push({ number, item }),
    refuse: (number, problem) => read.push({ number, problem }),
  };
  yield* withFile(file, folders, async function* (handle) {
    for await (const lines of readLineBlocks(handle, { longest: limits.partBytes })) {
      await examineLines(lines, collector);
      yield* read.splice(0);
    }
  });
}
