import type { Token } from 'stream-json/core/parser.js';
import { quoteName } from '../../../lib/nearest.ts';
import { type TextFile, unreadable } from '../text-file.ts';
import { ExactAssembler, jsonTokens } from './json-tokens.ts';
import { isBlankRow, jsonRowOf } from './read-rows.ts';
import type { Table, TableRow } from './table.ts';

const VALID =
  'an array of objects, an object with one array of objects in it, or an object of texts; one object per line belongs ' +
  'into a .jsonl file';

/** What a table in pandas or a page of an API becomes rows by. */
const RECORDS = 'its rows as an array of objects (in pandas: orient="records")';

/** Where rows stand in a document: in the array at the end of this path, or as the texts of the whole. */
type Place = { kind: 'list'; way: string } | { kind: 'texts'; warnings: string[] };

/** The path through a document to the current token. */
function createWalk() {
  const containers: { isArray: boolean; key: string | number }[] = [];
  return {
    get depth() {
      return containers.length;
    },
    /** As `en.home.title`; of the container that the token stands in, or of the array that it begins, without its own key. */
    name: () => containers.map(({ key }) => key).join('.'),
    containerName: () =>
      containers
        .slice(0, -1)
        .map(({ key }) => key)
        .join('.'),
    /** The path to that container, as a unique text. */
    container: () => JSON.stringify(containers.slice(0, -1).map(({ key }) => key)),
    isInArray: () => containers.at(-1)?.isArray === true,
    /** Whether that container is an array that is in no other array. */
    isOuterArray: () =>
      containers.at(-1)?.isArray === true && containers.filter(({ isArray }) => isArray).length === 1,
    /** Before a token is examined: it names a key, ends its container, or is the next of its array. */
    begin(token: Token) {
      const inside = containers.at(-1);
      if (token.name === 'endObject' || token.name === 'endArray') containers.pop();
      else if (token.name === 'keyValue' && inside) inside.key = token.value;
      else if (typeof inside?.key === 'number') inside.key += 1;
    },
    /** After it was examined. */
    end(token: Token) {
      if (token.name === 'startObject') containers.push({ isArray: false, key: '' });
      if (token.name === 'startArray') containers.push({ isArray: true, key: -1 });
    },
  };
}

/** Opens a table in JSON. Throws `invalid_input` where its rows could be several things, or nothing. */
export async function openJson(file: TextFile, field: string): Promise<Table> {
  const place = await findPlace(file, field);
  const rows = place.kind === 'list' ? listRows(file, field, place.way) : textRows(file, field);
  const isTexts = place.kind === 'texts';
  return {
    kind: 'rows',
    columns: isTexts ? ['key', 'text'] : null,
    warnings: isTexts ? place.warnings : [],
    rows,
  };
}

/** Looks through a document for what rows can be made of; of an array only at its beginning. */
async function findPlace(file: TextFile, field: string): Promise<Place> {
  const walk = createWalk();
  const lists = new Map<string, string>();
  const values = { texts: 0, others: 0 };
  /** Lists that hold nothing, and lists of lists. */
  const odd = { empty: new Set<string>(), nested: new Set<string>() };
  let before: Token | undefined;
  for await (const tokens of jsonTokens(file, field, VALID)) {
    for (const token of tokens) {
      walk.begin(token);
      if (token.name === 'startArray' && walk.depth === 0) return { kind: 'list', way: '[]' };
      if (token.name === 'startObject' && walk.isOuterArray())
        lists.set(walk.container(), walk.containerName());
      if (token.name === 'startArray' && walk.isInArray()) odd.nested.add(walk.containerName());
      if (token.name === 'endArray' && before?.name === 'startArray') odd.empty.add(walk.name());
      if (token.name === 'stringValue' && walk.depth > 0) values.texts += 1;
      else if (OTHER_VALUES.has(token.name)) values.others += 1;
      walk.end(token);
      before = token;
    }
  }
  const [list, ...others] = lists.keys();
  if (others.length > 0) {
    const names = [...lists.values()].slice(0, 10).map(quoteName).join(', ');
    const problem = `holds ${lists.size} arrays of objects (${names}), and its rows could be any of them`;
    throw unreadable(field, { problem, valid: 'a file with the one array that is meant' });
  }
  if (list !== undefined) return { kind: 'list', way: list };
  const names = (of: ReadonlySet<string>) => [...of].slice(0, 10).map(quoteName).join(', ');
  if (odd.nested.size > 0)
    throw unreadable(field, { problem: `holds lists of lists (${names(odd.nested)})`, valid: RECORDS });
  // Texts beside it say something of the rows that are not there, as the page of an API does that found nothing.
  if (odd.empty.size > 0) {
    const problem = `holds no rows: nothing is in its list ${names(odd.empty)}`;
    throw unreadable(field, { problem, valid: 'rows in it; an object of texts alone has no empty list' });
  }
  if (values.texts === 0) throw unreadable(field, { problem: 'holds no rows', valid: VALID });
  return { kind: 'texts', warnings: textsWarning(values, field) };
}

const OTHER_VALUES = new Set(['numberValue', 'trueValue', 'falseValue']);

/** Texts by their keys are all texts; numbers among them suggest a record, or a table that was saved by columns. */
function textsWarning({ texts, others }: { texts: number; others: number }, field: string): string[] {
  if (others === 0) return [];
  return [
    `${field} was read as texts by their keys: each of its ${texts + others} values is a row (key, text), and ${others} of them ${others === 1 ? 'is no text' : 'are no texts'}. If it is a table, save ${RECORDS}.`,
  ];
}

/** The values of the array at the end of a path. */
async function* listRows(file: TextFile, field: string, way: string): AsyncGenerator<TableRow[]> {
  const walk = createWalk();
  const assembler = new ExactAssembler();
  let number = 0;
  let listDepth = Number.POSITIVE_INFINITY;
  for await (const tokens of jsonTokens(file, field, VALID)) {
    const rows: TableRow[] = [];
    for (const token of tokens) {
      walk.begin(token);
      if (walk.depth >= listDepth) {
        assembler.consume(token);
        if (assembler.done) {
          number += 1;
          const row = jsonRowOf(
            assembler.current,
            number,
            assembler.repeatedKey !== null,
            'an object per row',
            () => assembler.keys,
          );
          if (!isBlankRow(row)) rows.push(row);
        }
      } else listDepth = Number.POSITIVE_INFINITY;
      walk.end(token);
      if (token.name === 'startArray' && walk.depth < listDepth && walk.container() === way) {
        listDepth = walk.depth;
      }
    }
    if (rows.length > 0) yield rows;
  }
}

/** Every value of an object of texts under its key, one within another as `home.title`. */
async function* textRows(file: TextFile, field: string): AsyncGenerator<TableRow[]> {
  const walk = createWalk();
  let number = 0;
  for await (const tokens of jsonTokens(file, field, VALID)) {
    const rows: TableRow[] = [];
    for (const token of tokens) {
      walk.begin(token);
      const text = textOf(token);
      if (text !== undefined) {
        number += 1;
        rows.push({ number, cells: { key: walk.name(), text } });
      }
      walk.end(token);
    }
    if (rows.length > 0) yield rows;
  }
}

/** The text of a value, a number as it was written; undefined for what is not a value. */
function textOf(token: Token): string | null | undefined {
  switch (token.name) {
    case 'stringValue':
    case 'numberValue':
      return token.value;
    case 'trueValue':
    case 'falseValue':
      return String(token.value);
    case 'nullValue':
      return null;
    default:
      return undefined;
  }
}
