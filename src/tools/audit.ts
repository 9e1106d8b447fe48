import * as z from 'zod';
import { BatchError } from '../errors.ts';
import { hostsOnly } from '../lib/hosts-only.ts';
import type { Context } from '../state/context.ts';
import type { AuditEntry } from '../store/store.ts';
import type { Tool } from './tool.ts';

/** Limits on the names in one line: no path is longer, and no list of them is worth more room. */
const LONGEST_NAME = 4096;
const MOST_NAMES = 1000;

/** What goes into the audit log from a call's arguments and reply: open shapes, since every tool has its own. */
const args = z.looseObject({ batch_id: z.string().max(200).optional().catch(undefined) });
const money = z.looseObject({ maximum: z.number() }).nullish().catch(undefined);
const reply = z.looseObject({
  batch_id: z.string().optional().catch(undefined),
  cost_usd: money,
  /** After a retry: what the retry alone may cost. */
  retry: z.looseObject({ cost_usd: money }).optional().catch(undefined),
});

/** How a call ended. */
export type End = { reply: object } | { error: unknown };

/** Logs a call that did something or named a file, or that was refused; mere looks are left out. */
export async function audit(context: Context, tool: Tool, given: unknown, end: End): Promise<void> {
  const named = tool
    .filesNamed(given)
    .map(({ name }) => hostsOnly(name).slice(0, LONGEST_NAME).toWellFormed());
  const more = named.length - MOST_NAMES;
  const files = more > 0 ? [...named.slice(0, MOST_NAMES), `and ${more} more`] : named;
  if (tool.isLook && files.length === 0) return;
  const told = 'reply' in end ? reply.parse(end.reply) : undefined;
  const cost = told?.retry?.cost_usd ?? told?.cost_usd;
  const batchId = told?.batch_id ?? args.safeParse(given).data?.batch_id;
  const entry: AuditEntry = {
    at: context.now().toISOString(),
    tool: tool.name,
    ...(context.subject !== null && { user: context.subject.name }),
    outcome: 'reply' in end ? 'done' : end.error instanceof BatchError ? end.error.code : 'internal',
    ...(batchId !== undefined && { batch_id: batchId }),
    ...(files.length > 0 && { files }),
    ...(cost && { maximum_usd: cost.maximum }),
  };
  try {
    await context.store.audit(entry);
  } catch (error) {
    // The call is done, and its reply matters more than this line.
    context.log(
      'error',
      `The audit log could not be written: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
