import type { Result } from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import type { AdvertisedTool } from '../tools/advertised.ts';

/**
 * Clients that show their model a reply's text and its structured content, one after the other, by the names that they give
 * themselves (measured: docs/clients.md). They get the text alone, which says the same.
 */
const showBoth = new Set(['@langchain/mcp-adapters']);

const info = z.looseObject({ name: z.string() });

/** Whether a client shows both, by its `clientInfo`. */
export function showsBoth(clientInfo: unknown): boolean {
  return showBoth.has(info.safeParse(clientInfo).data?.name ?? '');
}

/** Tools that promise no structured content: a client that is promised some refuses a reply without. */
export function promisingText(tools: readonly AdvertisedTool[]): object[] {
  return tools.map((tool) => without('outputSchema', tool));
}

/** A reply as its text alone. */
export function textAlone(result: Result): Result {
  return without('structuredContent', result);
}

function without(name: string, value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([each]) => each !== name));
}
