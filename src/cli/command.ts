import type { Option } from 'commander';
import type * as z from 'zod';
import type { Config } from '../config/config.ts';
import type { Environment } from '../config/read-settings.ts';
import type { Context } from '../state/context.ts';
import type { Waiting } from '../state/jobs.ts';
import type { Terminal } from './terminal.ts';

/** How a command ended, for scripts: docs/terminal.md lists them. */
export const exitCode = {
  done: 0,
  failed: 1,
  wrongUsage: 2,
  /** The batch has not ended, or waiting took too long: go on later. */
  notEnded: 3,
  /** All results are in, and some tasks have no finished answer. */
  someTasksFailed: 4,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** What a command works with. */
export type Call = {
  context: Context;
  config: Config;
  env: Environment;
  terminal: Terminal;
  stdin: NodeJS.ReadableStream;
  /** What was typed after the command's name, in the order of its `positional`; absent ones are undefined. */
  given: readonly (string | undefined)[];
  /** The options that are arguments of the command's operation, under the operation's names. */
  args: Readonly<Record<string, unknown>>;
  /** The command's own options. */
  options: Readonly<Record<string, unknown>>;
  /** Whether the reply is printed as one JSON document, and nothing else on stdout. */
  json: boolean;
  /** Ends with Ctrl-C, and shows progress. */
  waiting: Waiting & { signal: AbortSignal };
  /**
   * Receives the command's batch and where its results go, so that an interruption can say how to go on; null while a batch
   * may be sent whose id is not known yet.
   */
  about(batchId: string | null, outputFile: string | undefined): void;
};

export type Command = {
  name: string;
  summary: string;
  /** As in `<file>` or `[output_file]`; one of the name of an operation's argument is that argument. */
  positional: readonly string[];
  /** What its first argument may be, where that is one of a few words. */
  values?: readonly string[];
  /** Its arguments become options, but those that are typed without one. */
  operation?: { readonly input: z.ZodObject };
  options?: readonly Option[];
  /** Arguments that stand under a heading of their own in the help, for they are another command's. */
  shared?: { heading: string; names: readonly string[] };
  examples: readonly string[];
  run(call: Call): Promise<ExitCode>;
};
