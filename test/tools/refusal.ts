import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { hasErrorCode } from '../../src/errors.ts';
import { startApi } from '../api.ts';
import type { ApiServer } from '../api-server.ts';
import { type ServerOptions, startServer, type TestServer } from '../harness.ts';

export type Arguments = Record<string, unknown>;

/** Arguments, or what writes the files that they name and gives them. */
export type Given = Arguments | ((server: TestServer) => Promise<Arguments>);

/** Stands in inputs for what a caller would not want to see in an error. */
export const CONTENT = 'CONTENT-OF-THE-CALLER';

async function entries(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** The batches and the work in preparation that a data folder holds. */
export async function leftBehind(data: string): Promise<string[]> {
  return [...(await entries(path.join(data, 'batches'))), ...(await entries(path.join(data, 'staging')))];
}

/** What an API heard of the work or of batches; that it was asked for its models tells it nothing of them. */
export function heard(api: ApiServer): string[] {
  return api.requests.map(({ path: url }) => url).filter((url) => !url.startsWith('/v1/models'));
}

/** What the lines of an error find wrong. What is valid can differ: the tools don't take the same keys. */
function problemsIn(text: string): (string | undefined)[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.split('. Valid:')[0]);
}

/**
 * What `submit_batch` says to work that it must refuse. Fails the test where the API heard of it, anything was
 * left, content was repeated, or the dry run by `estimate_cost` finds something else.
 */
export async function refusalOf(
  given: Given,
  options: ServerOptions = {},
  tools: readonly string[] = ['submit_batch', 'estimate_cost'],
): Promise<string> {
  const api = await startApi();
  const server = await startServer({ api, ...options });
  const args = typeof given === 'function' ? await given(server) : given;

  const [text = '', ...others] = await Promise.all(tools.map((tool) => server.fails(tool, args)));
  for (const other of others) expect(problemsIn(other)).toEqual(problemsIn(text));
  expect(heard(api)).toEqual([]);
  expect(await leftBehind(server.data)).toEqual([]);
  expect(text).not.toContain(CONTENT);
  expect(text.length).toBeLessThan(20_000);
  return text;
}

/** What is wrong, the arguments, and what the error must say: where, what, and what is valid. */
export type Row = [what: string, given: Given, ...says: string[]];

/** Checks a row of a table of bad work. */
export async function expectRefusal([, given, ...says]: Row, tools?: readonly string[]): Promise<void> {
  const text = await refusalOf(given, {}, tools);
  for (const part of says) expect(text).toContain(part);
}
