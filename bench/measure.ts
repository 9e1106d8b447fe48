import { fork } from 'node:child_process';
import path from 'node:path';
import { z } from 'zod';
import { environment } from './environment.ts';

/** What one run took. */
export type Measured = { ms: number; megabytes: number | null };

/** One line of the table. */
export type Row = {
  what: string;
  reference: string;
  measured: string;
  /** The bar, and whether it is met. */
  bar: string;
  met: boolean;
  stretch: string;
};

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = Number.NaN] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
}

export const medianMs = (runs: readonly Measured[]): number => median(runs.map(({ ms }) => ms));

/** Null where the system does not tell. */
export function medianMegabytes(runs: readonly Measured[]): number | null {
  const known = runs.map(({ megabytes }) => megabytes).filter((value) => value !== null);
  return known.length > 0 ? median(known) : null;
}

const printed = z.object({ ms: z.number(), megabytes: z.number().nullable() });

/** Runs one of the references in a process of its own, in the environment that the product gets. */
export async function runReference(folder: string, ...args: string[]): Promise<Measured> {
  const child = fork(path.join(import.meta.dirname, 'reference.ts'), args, {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: environment(folder),
  });
  let text = '';
  child.stdout?.on('data', (chunk) => {
    text += String(chunk);
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`the reference ended with ${code}`);
  return printed.parse(JSON.parse(text));
}

export const ratio = (value: number): string => `${value.toFixed(2)} ×`;

export function time(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${ms.toFixed(ms < 100 ? 1 : 0)} ms`;
}

/** The median, and the range it was taken from. */
export function times(values: readonly number[]): string {
  return `${time(median(values))} (${time(Math.min(...values))} to ${time(Math.max(...values))})`;
}

export const memory = (megabytes: number | null): string =>
  megabytes === null ? '(memory unknown)' : `${Math.round(megabytes)} MB`;

/** The medians of time and memory, and the range of the time. */
export const shown = (runs: readonly Measured[]): string =>
  `${times(runs.map(({ ms }) => ms))}, ${memory(medianMegabytes(runs))}`;

/** Whether the memory is within a limit; what is not known is not over it. */
export const isWithin = (runs: readonly Measured[], megabytes: number): boolean =>
  (medianMegabytes(runs) ?? 0) <= megabytes;

export const reached = (stretch: string, isReached: boolean): string =>
  `${stretch}: ${isReached ? 'met' : 'not met'}`;
