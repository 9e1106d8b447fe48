import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { type ApiFailure, BatchError, type ErrorCode, type Problem } from '../errors.ts';

/**
 * The young generation of a thread, in MB. A small one is collected often, and with it the pieces of files that the
 * thread is done with, which would otherwise pile up.
 */
const YOUNG_MEGABYTES = 12;

type ThreadModule = {
  /** The file's name without its ending, beside the module that starts it; in the bundle, beside all others. */
  name: string;
  /** `import.meta.url` of the module that starts it. */
  from: string;
};

/**
 * Whether the module can run on a thread here. Node's permission model may forbid threads, and a program that bundles
 * the library leaves out the module's file.
 */
export function canStartThread(module: ThreadModule): boolean {
  const { permission }: { permission?: typeof process.permission } = process;
  return (permission?.has('worker') ?? true) && existsSync(fileOf(module));
}

function fileOf({ name, from }: ThreadModule): URL {
  return new URL(`./${name}.${isSource(from) ? 'ts' : 'js'}`, from);
}

const isSource = (from: string) => from.endsWith('.ts');

/**
 * Runs a module on a thread of its own, for work that would hold up this one. The thread's output on stdout is
 * dropped, since only MCP frames belong there. The caller ends it.
 */
export function startThread(module: ThreadModule, data: unknown): Worker {
  const file = fileOf(module);
  const evaluates = isSource(module.from);
  return new Worker(evaluates ? loadSource(file) : file, {
    eval: evaluates,
    workerData: data,
    stdout: true,
    // Not the process's own: a program that was started with --input-type or --import could have no thread.
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEGABYTES },
  });
}

/** A script that loads a module from its TypeScript source, for the tests and `npm run dev`. */
function loadSource(file: URL): string {
  const loader = import.meta.resolve('tsx/esm/api');
  return `import('${loader}').then(({ register }) => (register(), import('${file.href}')))`;
}

/** A `BatchError` as it passes between threads, which carry no classes. */
export type ThreadFailure = {
  code: ErrorCode;
  message: string;
  problems: readonly Problem[];
  problemCount: number;
  api: ApiFailure | undefined;
};

export function toFailure({ code, message, problems, problemCount, api }: BatchError): ThreadFailure {
  return { code, message, problems, problemCount, api };
}

export function fromFailure({ code, message, problems, problemCount, api }: ThreadFailure): BatchError {
  return new BatchError(code, message, { problems, problemCount, ...(api && { api }) });
}

/** The error of work whose thread died. */
export function threadDied(cause: Error): BatchError {
  return new BatchError(
    'internal',
    `A thread ended before its work was done (${cause.message}). Nothing is lost: try again.`,
    { cause },
  );
}
