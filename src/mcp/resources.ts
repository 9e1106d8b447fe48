import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Result } from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import type { Context } from '../state/context.ts';
import { errorCodes, ProtocolError } from './protocol.ts';

const TASK_TYPES = 'batch-mcp://task-types';
/** A scheme may be in any case, and some libraries add a trailing slash. */
const BATCH = /^batch-mcp:\/\/batches\/([^/?#]+)\/?$/i;
const IS_TASK_TYPES = /^batch-mcp:\/\/task-types\/?$/i;

const taskTypes = {
  uri: TASK_TYPES,
  name: 'task-types',
  title: 'Task types',
  description: 'What task_type can be, and what each takes',
  mimeType: 'application/json',
};

export const resourceTemplates = [
  {
    uriTemplate: 'batch-mcp://batches/{batch_id}',
    name: 'batch',
    title: 'A batch',
    description: 'What a batch came to: totals, failures and their causes, samples, cost, files',
    mimeType: 'application/json',
  },
];

/** As many batches as a person would want to choose from. */
const BATCHES_LISTED = 10;

const listed = z.looseObject({
  batches: z.array(z.looseObject({ batch_id: z.string(), name: z.string().optional() })),
});

/** Calls one of the tools. */
export type CallTool = (name: string, args: object) => Promise<Result>;

/** The resources to read: the task types and the newest batches. */
export async function listResources(call: CallTool): Promise<Result> {
  const found = await call('list_batches', { limit: BATCHES_LISTED });
  const { batches = [] } = listed.safeParse(found.structuredContent).data ?? {};
  const resources = batches.map(({ batch_id, name = batch_id }) => ({
    uri: `batch-mcp://batches/${batch_id}`,
    name,
    description: `Batch ${batch_id}: totals, failures, samples, cost, files`,
    mimeType: 'application/json',
  }));
  return { resources: [taskTypes, ...resources] };
}

const params = z.looseObject({ uri: z.string() });

/** Throws `resourceNotFound` if there is no such resource, and `internal` if a batch can't be read. */
export async function readResource(
  given: unknown,
  call: CallTool,
  load: () => Promise<Pick<Context, 'templates'>>,
): Promise<Result> {
  const { uri } = params.safeParse(given).data ?? {};
  if (uri === undefined) throw new ProtocolError(errorCodes.invalidParams, `The uri is missing. ${VALID}`);
  if (IS_TASK_TYPES.test(uri)) return contentsOf(uri, JSON.stringify(await readTaskTypes(await load())));
  const [, id] = BATCH.exec(uri) ?? [];
  if (id === undefined) throw noSuchResource(uri);
  const result = await call('get_results', { batch_id: decoded(id, uri), detail: 'summary' });
  const text = textOf(result);
  if (result.isError === true) {
    throw NAMES_NONE.test(text) ? noSuchResource(uri, text) : new ProtocolError(errorCodes.internal, text);
  }
  return contentsOf(uri, text);
}

const VALID = `Valid: ${TASK_TYPES}, batch-mcp://batches/batch_…`;

/** How the tool's answer begins for an id or name that belongs to no batch. */
const NAMES_NONE = /^(?:not_found|invalid_input):/;

/** A client tells this from other errors by the address in its data. */
function noSuchResource(uri: string, message = `There is no such resource. ${VALID}`): ProtocolError {
  return new ProtocolError(errorCodes.resourceNotFound, message, { uri });
}

function decoded(id: string, uri: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    throw noSuchResource(uri);
  }
}

function contentsOf(uri: string, text: string): Result {
  return { contents: [{ uri, mimeType: 'application/json', text }] };
}

function textOf({ content }: Result): string {
  const [first] = z.array(z.looseObject({ text: z.string() })).safeParse(content).data ?? [];
  return first?.text ?? '';
}

async function readTaskTypes({ templates }: Pick<Context, 'templates'>): Promise<object> {
  await templates.refresh();
  const task_types = templates.names.flatMap((name) => {
    const found = templates.find(name);
    if (found.kind === 'mistyped') return [];
    const { task_type, description, max_tokens, material, places } = found.template;
    return [{ task_type, description, max_tokens, ...(material && { input_data: material.field }), places }];
  });
  const custom = 'Any other name is a type of your own: the task runs over its raw input_data.';
  return { task_types, custom };
}

const written = z.looseObject({ output_files: z.array(z.string()) });

const mimeTypes = new Map([
  ['.csv', 'text/csv'],
  ['.json', 'application/json'],
  ['.jsonl', 'application/jsonl'],
  ['.md', 'text/markdown'],
]);

/** A file is given by its path, or by a web address for users over HTTP. */
function placeOf(file: string): { uri: string; name: string } {
  if (!/^https?:/.test(file)) return { uri: pathToFileURL(file).href, name: path.basename(file) };
  return { uri: file, name: path.posix.basename(new URL(file).pathname) };
}

/** A tool's result plus links to the files it names, for clients that show them. */
export function withLinks(result: Result): Result {
  const { output_files = [] } = written.safeParse(result.structuredContent).data ?? {};
  if (output_files.length === 0 || !Array.isArray(result.content)) return result;
  const links = output_files.map((file) => ({
    type: 'resource_link',
    ...placeOf(file),
    mimeType: mimeTypes.get(path.extname(placeOf(file).name)) ?? 'text/plain',
  }));
  return { ...result, content: [...result.content, ...links] };
}
