import type * as z from 'zod';
import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import type { Following, Waiting } from '../state/jobs.ts';
import { problemsOf } from '../tasks/problems.ts';
import { findBatch } from './find-batch.ts';

/** What every reply ends with, for whoever reads it. */
export type WithNextStep = { warnings: string[]; next_step: string };

/**
 * One thing that a user can ask for. An agent's tool, a person's command and a program's method are made from it, so
 * that they take the same arguments, keep the same limits and give the same reply.
 */
export type Operation<Input extends z.ZodObject, Reply extends WithNextStep> = {
  /** The name of its command. */
  readonly name: string;
  readonly input: Input;
  /** The fields of a reply that programs branch on: an open object, as every reply has more. */
  readonly output: z.ZodObject;
  /** Takes arguments that `readInput` has read. Throws a `BatchError` for a caller, anything else for a fault of ours. */
  run(context: Context, args: z.output<Input>, waiting?: Waiting): Promise<Reply>;
};

/** The arguments of an operation's `run`. */
export type Arguments<O> = O extends { input: infer Input extends z.ZodObject } ? z.output<Input> : never;

/** The reply that an operation's `run` resolves to. */
export type ReplyOf<O> = O extends { run(...args: never[]): Promise<infer Reply> } ? Reply : never;

type Definition<Input extends z.ZodObject, Output extends z.ZodObject, Facts extends object> = {
  name: string;
  input: Input;
  output: Output;
  run(context: Context, args: z.output<Input>, waiting: Waiting): Promise<Facts>;
  /** What to do now. Names tools and ids, and nothing that a model or a file wrote. */
  nextStep(facts: NoInfer<Facts>, args: z.output<Input>, following: Following | undefined): string;
};

/** Builds an operation. The compiler ensures that its reply matches its `output`. */
export function defineOperation<
  Input extends z.ZodObject,
  Output extends z.ZodObject,
  Facts extends z.input<Output> & { warnings: string[] },
>(definition: Definition<Input, Output, Facts>): Operation<Input, Facts & WithNextStep> {
  const { name, input, output } = definition;
  return {
    name,
    input,
    output,
    async run(context, given, waiting = {}) {
      const { args, notes } = await withBatchId(context, given);
      const facts = await definition.run(context, args, waiting);
      const told = notes.length === 0 ? facts : { ...facts, warnings: [...notes, ...facts.warnings] };
      return { ...told, next_step: definition.nextStep(told, args, waiting.following) };
    },
  };
}

/** The arguments with `batch_id` resolved to an id, and a note on how where the caller gave something else. */
async function withBatchId<Args extends object>(
  context: Context,
  args: Args,
): Promise<{ args: Args; notes: string[] }> {
  if (!('batch_id' in args) || typeof args.batch_id !== 'string') return { args, notes: [] };
  const { batch_id, note } = await findBatch(context, args.batch_id);
  return { args: { ...args, batch_id }, notes: note === null ? [] : [note] };
}

/**
 * Reads arguments by their schema. Throws `invalid_input` with every problem; `asked` is the name that the caller
 * called.
 */
export function readInput<Input extends z.ZodObject>(
  input: Input,
  given: unknown,
  asked: string,
): z.output<Input> {
  const parsed = input.safeParse(given, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw new BatchError('invalid_input', `The arguments of ${asked} are not valid; nothing was done.`, {
    problems: problemsOf(parsed.error, Object.keys(input.shape)),
  });
}
