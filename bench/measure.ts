import { fork } from 'node:child_process';
import path from 'node:path';
import { z } from 'zod';

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

/** The median of each figure on its own. */
export function medians(all: readonly Measured[]): Measured {
  const memory = all.map(({ megabytes }) => megabytes).filter((value) => value !== null);
  return { ms: median(all.map(({ ms }) => ms)), megabytes: memory.length > 0 ? median(memory) : null };
}

const printed = z.object({ ms: z.number(), megabytes: z.number().nullable() });

/** Runs one of the references in a process of its own. */
export async function runReference(...args: string[]): Promise<Measured> {
  const child = fork(path.join(import.meta.dirname, 'reference.ts'), args, {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
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

export const memory = (megabytes: number | null): string =>
  megabytes === null ? '(memory unknown)' : `${Math.round(megabytes)} MB`;

export const shown = ({ ms, megabytes }: Measured): string => `${time(ms)}, ${memory(megabytes)}`;
