import * as z from 'zod';
import { filesNamed, type NamedFile } from '../operations/file-argument.ts';
import { type Operation, readInput, type WithNextStep } from '../operations/operation.ts';
import type { Context } from '../state/context.ts';
import type { Waiting } from '../state/jobs.ts';
import type { Scope } from '../state/subject.ts';
import { withUploads } from './remote-files.ts';

/** What a tool may use of the call that it answers. */
export type Call = {
  /** Aborted when the client cancels: the waiting stops, work that has reached the network does not. */
  signal: AbortSignal;
  /** Reports progress to a client that asked for it. */
  progress: (done: number, total: number | null, message: string) => Promise<void>;
} & Pick<Waiting, 'ask' | 'following' | 'onOver'>;

export type Hints = {
  readOnlyHint: boolean;
  destructiveHint: boolean;
  idempotentHint: boolean;
  openWorldHint: boolean;
};

/** One MCP tool, ready to be listed and called. */
export type Tool = {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly annotations: Hints;
  /** Words by which a client that loads tools on demand finds this one. */
  readonly searchHint: string;
  readonly inputSchema: Record<string, unknown>;
  readonly outputSchema: Record<string, unknown>;
  /** The scope that a user over HTTP needs for it. */
  readonly scope: Scope;
  /** Whether a call only looks: the audit log leaves those out. */
  readonly isLook: boolean;
  /** The files that arguments name, as they were given. */
  filesNamed(args: unknown): NamedFile[];
  /** Reads the arguments and runs. Throws a `BatchError` for a caller, anything else for a fault of ours. */
  run(args: unknown, context: Context, call: Call): Promise<WithNextStep>;
};

type Definition<Input extends z.ZodObject> = {
  name: string;
  title: string;
  /** Its first 600 characters suffice to choose and call the tool. */
  description: string;
  hints: Hints;
  searchHint: string;
  operation: Operation<Input, WithNextStep>;
  scope: Scope;
  isLook?: boolean;
  /** Fields that another tool describes, which the description names. */
  toldElsewhere?: z.ZodRawShape;
};

/**
 * Removes keywords that some clients refuse or warn about, or that only take up an agent's context: every argument is
 * checked here anyway. `exclusiveMinimum` stems from whole numbers above 0.
 */
function lean({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.exclusiveMinimum === 0) jsonSchema.minimum = 1;
  delete jsonSchema.exclusiveMinimum;
  delete jsonSchema.propertyNames;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minLength === 1) delete jsonSchema.minLength;
  // Values that are too long or malformed are refused, with a message that says what is valid.
  delete jsonSchema.maxLength;
  delete jsonSchema.maxItems;
  delete jsonSchema.pattern;
  const others = jsonSchema.additionalProperties;
  if (typeof others === 'object' && Object.keys(others).length === 0) delete jsonSchema.additionalProperties;
}

/** Not every client knows a list of types, which is how zod writes what may be null: it becomes a choice. */
function withoutTypeLists(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutTypeLists);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]): [string, unknown] =>
    key === 'type' && Array.isArray(value)
      ? ['anyOf', value.map((type: unknown) => ({ type }))]
      : [key, withoutTypeLists(value)],
  );
  return Object.fromEntries(entries);
}

const jsonSchema = z.record(z.string(), z.unknown());

/** Within a reply, types suffice: saying which fields are always there only takes up room. */
function leanReply(field: { jsonSchema: z.core.JSONSchema.BaseSchema; path: (string | number)[] }): void {
  lean(field);
  if (field.path.length > 0) delete field.jsonSchema.required;
}

/** `$schema` is left out: some clients refuse a dialect that they don't know. */
function advertised(schema: z.ZodObject, io: 'input' | 'output'): Record<string, unknown> {
  const override = io === 'input' ? lean : leanReply;
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, override });
  return jsonSchema.parse(withoutTypeLists(rest));
}

/** A field without its description; of lists the type of the entries stays, since clients go by it. */
function withoutWords(field: z.ZodType): z.ZodType {
  const list = field instanceof z.ZodOptional ? field.unwrap() : field;
  const { items } = list instanceof z.ZodType ? (list.meta() ?? {}) : {};
  const type = typeof items === 'object' && items !== null && 'type' in items ? items.type : undefined;
  return field.meta({ description: undefined, ...(type !== undefined && { items: { type } }) });
}

/** An input schema, without descriptions of the fields that another tool describes. */
function inputSchema(input: z.ZodObject, toldElsewhere: z.ZodRawShape): Record<string, unknown> {
  const shape = Object.entries(input.shape).map(([name, field]) => [
    name,
    name in toldElsewhere && field instanceof z.ZodType ? withoutWords(field) : field,
  ]);
  return advertised(z.strictObject(Object.fromEntries(shape)), 'input');
}

/** Makes a tool from an operation: adds what an agent reads, and no behaviour of its own. */
export function defineTool<Input extends z.ZodObject>(definition: Definition<Input>): Tool {
  const {
    name,
    title,
    description,
    hints,
    searchHint,
    operation,
    scope,
    isLook = false,
    toldElsewhere = {},
  } = definition;
  return {
    name,
    title,
    description,
    annotations: hints,
    searchHint,
    inputSchema: inputSchema(operation.input, toldElsewhere),
    outputSchema: advertised(operation.output, 'output'),
    scope,
    isLook,
    filesNamed: (args) => filesNamed(operation.input, args),
    async run(args, context, call) {
      const meant = context.subject === null ? args : withUploads(operation.input, args);
      return operation.run(context, readInput(operation.input, meant, name), waitingOf(call));
    },
  };
}

function waitingOf({ progress, ...waiting }: Call): Waiting {
  return { ...waiting, onProgress: ({ done, total, stage }) => progress(done, total, stage) };
}
