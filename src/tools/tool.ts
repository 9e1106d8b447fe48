import * as z from 'zod';
import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import type { Waiting } from '../state/jobs.ts';
import { problemsOf, withoutNulls } from '../tasks/problems.ts';

/** What a tool may use of the call that it answers. */
export type Call = {
  /** Aborted when the client cancels: the waiting stops, work that has reached the network does not. */
  signal: AbortSignal;
  /** Tells a client that asked for it how far the work is. */
  progress: (done: number, total: number | null, message: string) => Promise<void>;
};

/** A call, for operations that take their time. */
export function waitingOf({ signal, progress }: Call): Waiting {
  return { signal, onProgress: ({ done, total, stage }) => progress(done, total, stage) };
}

/** What a tool tells, as `structuredContent` and as JSON text. */
export type Reply = { [key: string]: unknown };

export type Annotations = {
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
  readonly annotations: Annotations;
  readonly inputSchema: Record<string, unknown>;
  readonly outputSchema: Record<string, unknown>;
  /** Parses the arguments and runs. Throws a `BatchError` for a caller, anything else for a fault of ours. */
  run(args: unknown, context: Context, call: Call): Promise<Reply>;
};

type Definition<Input extends z.ZodObject> = {
  name: string;
  title: string;
  description: string;
  annotations: Annotations;
  input: Input;
  output: z.ZodObject;
  run(args: z.output<Input>, context: Context, call: Call): Promise<Reply>;
};

/** `$schema` is left out: some clients refuse a dialect that they don't know. */
function advertised(schema: z.ZodObject, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}

/** Makes a tool of its schemas and the operation behind it; the one place where arguments are parsed. */
export function defineTool<Input extends z.ZodObject>(definition: Definition<Input>): Tool {
  const { name, title, description, annotations, input, output } = definition;
  const keys = Object.keys(input.shape);
  return {
    name,
    title,
    description,
    annotations,
    inputSchema: advertised(input, 'input'),
    outputSchema: advertised(output, 'output'),
    async run(args, context, call) {
      const given = typeof args === 'object' && args !== null ? withoutNulls({ ...args }) : args;
      const parsed = input.safeParse(given ?? {}, { reportInput: true });
      if (!parsed.success) {
        throw new BatchError('invalid_input', `The arguments of ${name} are not valid; nothing was done.`, {
          problems: problemsOf(parsed.error, keys),
        });
      }
      return definition.run(parsed.data, context, call);
    },
  };
}
