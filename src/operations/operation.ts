import type * as z from 'zod';
import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import type { Waiting } from '../state/jobs.ts';
import { problemsOf } from '../tasks/problems.ts';

/** What every reply ends with, for whoever reads it. */
export type WithNextStep = { next_step: string };

/**
 * One thing that a user can ask for. An agent's tool, a person's command and a program's method are made from it, so
 * that they take the same arguments, keep the same limits and give the same reply.
 */
export type Operation<Input extends z.ZodObject, Reply extends WithNextStep> = {
  /** As a command is called. */
  readonly name: string;
  readonly input: Input;
  /** The fields of a reply that programs branch on. A reply may hold more. */
  readonly output: z.ZodObject;
  /** Takes arguments that `readInput` has read. Throws a `BatchError` for a caller, anything else for a fault of ours. */
  run(context: Context, args: z.output<Input>, waiting?: Waiting): Promise<Reply>;
};

/** The arguments of an operation's `run`. */
export type Arguments<O> = O extends { input: infer Input extends z.ZodObject } ? z.output<Input> : never;

/** What an operation's `run` gives. */
export type ReplyOf<O> = O extends { run(...args: never[]): Promise<infer Reply> } ? Reply : never;

type Definition<Input extends z.ZodObject, Output extends z.ZodObject, Facts extends object> = {
  name: string;
  input: Input;
  output: Output;
  run(context: Context, args: z.output<Input>, waiting: Waiting): Promise<Facts>;
  /** What to do now, told from the facts alone. Names tools and ids, and nothing that a model or a file wrote. */
  nextStep(facts: NoInfer<Facts>): string;
};

/** Puts an operation together. The compiler holds that what it gives is what its `output` says. */
export function defineOperation<
  Input extends z.ZodObject,
  Output extends z.ZodObject,
  Facts extends Omit<z.input<Output>, 'next_step'>,
>(definition: Definition<Input, Output, Facts>): Operation<Input, Facts & WithNextStep> {
  const { name, input, output } = definition;
  return {
    name,
    input,
    output,
    async run(context, args, waiting = {}) {
      const facts = await definition.run(context, args, waiting);
      return { ...facts, next_step: definition.nextStep(facts) };
    },
  };
}

/** Reads arguments by their schema. Throws `invalid_input` with every problem; `asked` is what the caller called. */
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
