import { fork } from 'node:child_process';
import path from 'node:path';
import { z } from 'zod';

export type ApiOptions = {
  /** A create of so many requests, the first of them this one where it is told, is answered by this file of results. */
  parts: { count: number; first?: string; results: string }[];
  /** Whether batches stay in progress. */
  endless?: boolean;
};

export type Api = {
  url: string;
  /** How many requests it has served. */
  served(): Promise<number>;
  close(): void;
};

const counted = z.object({ served: z.number() });

/** Starts the stand-in for the API in a process of its own. */
export async function startApi(options: ApiOptions): Promise<Api> {
  const child = fork(path.join(import.meta.dirname, 'api-process.ts'), [JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const port = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error('the API process ended')));
    child.stdout?.once('data', (chunk) => resolve(String(chunk).trim()));
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    served: async () => counted.parse(await (await fetch(`${url}/served`)).json()).served,
    close: () => child.kill(),
  };
}
