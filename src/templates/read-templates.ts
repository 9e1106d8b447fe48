import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { type Document, LineCounter, parseDocument, visit } from 'yaml';
import { BatchError, hasErrorCode, type Problem } from '../errors.ts';
import { fileFailure } from '../lib/files/file-failure.ts';
import { readRegularBytes } from '../lib/files/regular-file.ts';
import { findHalfCharacters } from '../lib/half-characters.ts';
import { isJsonObject, type JsonObject } from '../lib/json.ts';
import { plainName } from '../lib/names.ts';
import { didYouMean, quoteName } from '../lib/nearest.ts';
import type { OwnTemplate } from './own-template.ts';
import {
  headKeys,
  headValues,
  readBody,
  type TemplateHead,
  templateHead,
  unknownKey,
  withoutAbout,
} from './template-head.ts';

/** The problems of an answer's schema for the provider. */
type PrepareSchema = (schema: JsonObject) => { problems: Problem[] };

type Placed = { line: number; field?: string; problem: string; valid?: string };
type Read = { template: OwnTemplate } | { problems: Placed[] };

const FORM = 'a head between two lines of ---, and the prompt below it';
const placesOf = (text: string) =>
  [...text.matchAll(/\{\{([^{}]+)\}\}/g)].map(([, name = '']) => plainName(name));

/**
 * Reads the task types in a folder: every .md file except README.md. Throws `invalid_input` with all problems, each
 * with its file and line, and `not_found` where there is no such folder.
 */
export async function readTemplates(folder: string, prepareSchema: PrepareSchema): Promise<OwnTemplate[]> {
  const files = (await namesIn(folder)).filter(
    (name) => /^[^.].*\.md$/i.test(name) && !/^readme\.md$/i.test(name),
  );
  const found: OwnTemplate[] = [];
  const problems: Problem[] = [];
  for (const file of files.sort()) {
    const read = await readTemplate(folder, file, prepareSchema);
    if ('problems' in read) {
      problems.push(
        ...read.problems.map(({ line, ...problem }) => ({ item: `${file}:${line}`, ...problem })),
      );
      continue;
    }
    const earlier = found.find(({ name }) => name === read.template.name);
    if (earlier === undefined) found.push(read.template);
    else {
      const problem = `is called ${quoteName(earlier.name)}, as ${earlier.file} is`;
      problems.push({ item: `${file}:1`, field: 'name', problem, valid: 'a name of its own' });
    }
  }
  if (problems.length === 0) return found;
  const message = `The task types in ${JSON.stringify(folder)} cannot be used; nothing was done.`;
  throw new BatchError('invalid_input', message, { problems });
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (!hasErrorCode(error, 'ENOENT', 'ENOTDIR')) throw fileFailure(`read ${JSON.stringify(folder)}`, error);
    const message = `There is no folder ${JSON.stringify(folder)}, which BATCH_MCP_TEMPLATES or --templates names.`;
    throw new BatchError('not_found', message);
  }
}

/** Null for a file that is not UTF-8. */
async function textOf(file: string): Promise<string | null> {
  try {
    const bytes = await readRegularBytes(file);
    return isUtf8(bytes)
      ? bytes
          .toString('utf8')
          .replace(/^\ufeff/, '')
          .replaceAll('\r\n', '\n')
      : null;
  } catch (error) {
    throw fileFailure(`read ${JSON.stringify(file)}`, error);
  }
}

const wrong = (line: number, problem: string, valid?: string, field?: string): { problems: Placed[] } => ({
  problems: [{ line, problem, ...(valid !== undefined && { valid }), ...(field !== undefined && { field }) }],
});

async function readTemplate(folder: string, file: string, prepareSchema: PrepareSchema): Promise<Read> {
  const text = await textOf(path.join(folder, file));
  if (text === null) return wrong(1, 'is not UTF-8', 'a file saved as UTF-8');
  const parts = /^---[ \t]*\n([\s\S]*?\n)??---[ \t]*(?:\n|$)/.exec(text);
  if (parts === null) {
    const isOpen = /^---[ \t]*\n/.test(text);
    return wrong(1, isOpen ? 'has a head that no line of --- ends' : 'does not begin with a head', FORM);
  }
  const head = readHead(parts[1] ?? '');
  if ('problems' in head) return head;
  const body = readBody(text.slice(parts[0].length), parts[0].split('\n').length);
  if ('problem' in body) return { problems: [body] };
  const places = [...new Set([...placesOf(body.prompt), ...placesOf(body.system)])].filter(
    (name) => name !== '',
  );
  const undeclared = checkFields(head, places);
  if (undeclared !== null) return undeclared;
  const schema = await schemaOf(folder, head, prepareSchema);
  if ('problems' in schema) return schema;
  const { name, description, tier, effort, max_tokens } = head.value;
  return {
    template: {
      name: name ?? path.parse(file).name,
      description,
      file,
      ...body,
      fields: places,
      ...(tier && { tier }),
      ...(effort && { effort }),
      ...(max_tokens && { max_tokens }),
      ...(schema.schema && { output_schema: schema.schema }),
      hash: createHash('sha256').update(text).update('\0').update(schema.text).digest('hex'),
    },
  };
}

type Head = { value: TemplateHead; lineOf: (keys: readonly PropertyKey[]) => number };

/** Reads a file's head. Problems name places in it and never quote it. */
function readHead(yaml: string): Head | { problems: Placed[] } {
  const counter = new LineCounter();
  const document = parseDocument(yaml, { lineCounter: counter, prettyErrors: false, stringKeys: true });
  // The head begins on the second line.
  const lineAt = (offset: number) => counter.linePos(offset).line + 1;
  const [broken] = document.errors;
  if (broken !== undefined) return wrong(lineAt(broken.pos[0]), `is not YAML (${broken.code})`, FORM);
  const lineOf = (keys: readonly PropertyKey[]): number => {
    const node = document.getIn(keys, true);
    const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : null;
    const [start] = Array.isArray(range) ? range : [];
    return typeof start === 'number' ? lineAt(start) : 1;
  };
  const held = heldIn(document);
  if (held === null) {
    let line = 1;
    visit(document, {
      Alias(_key, { range }) {
        if (range) line = lineAt(range[0]);
        return visit.BREAK;
      },
    });
    return wrong(line, 'has an alias that cannot be followed', 'the value itself in place of *name');
  }
  const parsed = templateHead.safeParse(withoutAbout(held.value ?? {}));
  if (parsed.success) return { value: parsed.data, lineOf };
  return {
    problems: parsed.error.issues.flatMap((issue): Placed[] => {
      const field = issue.path.map(String).join('.');
      if (issue.code !== 'unrecognized_keys') {
        const problem = document.hasIn(issue.path) ? 'is not valid' : 'is missing';
        const valid =
          headValues[String(issue.path[0] ?? '')] ?? `keys with a value each: ${headKeys.join(', ')}`;
        return [{ line: lineOf(issue.path), ...(field !== '' && { field }), problem, valid }];
      }
      return issue.keys.map((key) => ({ line: lineOf([...issue.path, key]), ...unknownKey(key) }));
    }),
  };
}

/**
 * Null where an alias names nothing or itself, or aliases are nested so that their expansion would not fit into
 * memory.
 */
function heldIn(document: Document): { value: unknown } | null {
  try {
    return { value: document.toJS({ maxAliasCount: 20 }) };
  } catch (error) {
    if (error instanceof ReferenceError) return null;
    throw error;
  }
}

/** Declared fields list all the places: any other place is a typo. */
function checkFields(
  { value: { fields }, lineOf }: Head,
  places: readonly string[],
): { problems: Placed[] } | null {
  if (fields === undefined) return null;
  const declared = (Array.isArray(fields) ? fields : Object.keys(fields)).map(plainName);
  const first = (name: string) => name.split('.')[0] ?? '';
  const unknown = places.find((name) => !declared.includes(name) && !declared.includes(first(name)));
  const line = lineOf(['fields']);
  if (unknown !== undefined) {
    const problem = `the place {{${unknown}}} is not one of the fields${didYouMean(unknown, declared)}`;
    return wrong(line, problem, declared.join(', '), 'fields');
  }
  const unused = declared.find((name) => !places.some((place) => place === name || first(place) === name));
  if (unused === undefined) return null;
  return wrong(line, `${quoteName(unused)} has no place in the prompt`, `{{${unused}}} in it`, 'fields');
}

type Schema = { schema: JsonObject | null; text: string };

async function schemaOf(
  folder: string,
  { value: { output_schema: given }, lineOf }: Head,
  prepareSchema: PrepareSchema,
): Promise<Schema | { problems: Placed[] }> {
  if (given === undefined) return { schema: null, text: '' };
  const line = lineOf(['output_schema']);
  const field = 'output_schema';
  let schema: unknown = given;
  let text = '';
  if (typeof given === 'string') {
    const file = path.resolve(folder, given);
    try {
      const bytes = await readRegularBytes(file);
      if (!isUtf8(bytes)) throw new SyntaxError('not UTF-8');
      text = bytes.toString('utf8').replace(/^\uFEFF/, '');
      schema = JSON.parse(text);
    } catch (error) {
      const isRefused = error instanceof BatchError || hasErrorCode(error, 'ENOENT', 'ENOTDIR', 'EACCES');
      if (!(error instanceof SyntaxError) && !isRefused) throw error;
      const what =
        error instanceof SyntaxError
          ? 'does not hold JSON in UTF-8'
          : `cannot be read${error instanceof BatchError ? ': it is not a regular file' : ''}`;
      return wrong(
        line,
        `names ${JSON.stringify(given)}, which ${what}`,
        'a JSON Schema, or the path of one',
        field,
      );
    }
  }
  if (!isJsonObject(schema)) return wrong(line, 'is not an object', 'a JSON Schema', field);
  const prepared = prepareSchema(schema);
  prepared.problems.push(
    ...findHalfCharacters(schema).map((half) => ({
      ...half,
      field: half.field === undefined ? field : `${field}.${half.field}`,
    })),
  );
  // Kept as written: answers are checked by all of it, even by keywords that the provider does not accept.
  if (prepared.problems.length === 0) return { schema, text };
  return { problems: prepared.problems.map((problem) => ({ line, ...problem })) };
}
