import * as z from 'zod';
import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import type { AuditEntry } from '../store/store.ts';
import type { Tool } from './tool.ts';

/** What of a call's arguments and reply goes into the audit log: open shapes, for every tool has its own. */
const args = z.looseObject({
  batch_id: z.string().max(200).optional().catch(undefined),
  requests_file: z.string().max(4096).optional().catch(undefined),
  rows_file: z.string().max(4096).optional().catch(undefined),
  join_file: z.string().max(4096).optional().catch(undefined),
  labels: z.string().max(4096).optional().catch(undefined),
  input_files: z.array(z.string().max(4096)).max(100).optional().catch(undefined),
  output_file: z.string().max(4096).optional().catch(undefined),
});
const money = z.looseObject({ maximum: z.number() }).nullish().catch(undefined);
const reply = z.looseObject({
  batch_id: z.string().optional().catch(undefined),
  cost_usd: money,
  /** What a retry alone may cost, where that is what was done. */
  retry: z.looseObject({ cost_usd: money }).optional().catch(undefined),
});

/** Notes a call that did something, or read a file; mere looks are left out. */
export async function audit(
  context: Context,
  tool: Tool,
  given: unknown,
  end: { reply: object } | { error: unknown },
): Promise<void> {
  const named = args.safeParse(given).data ?? {};
  const { requests_file, rows_file, join_file, labels, input_files = [], output_file } = named;
  const files = [requests_file, rows_file, join_file, labels, ...input_files, output_file].filter(
    (file) => file !== undefined,
  );
  if (tool.annotations.readOnlyHint && files.length === 0) return;
  const told = 'reply' in end ? reply.parse(end.reply) : undefined;
  const cost = told?.retry?.cost_usd ?? told?.cost_usd;
  const batchId = told?.batch_id ?? named.batch_id;
  const entry: AuditEntry = {
    at: context.now().toISOString(),
    tool: tool.name,
    outcome: 'reply' in end ? 'done' : end.error instanceof BatchError ? end.error.code : 'internal',
    ...(batchId !== undefined && { batch_id: batchId }),
    ...(files.length > 0 && { files }),
    ...(cost && { maximum_usd: cost.maximum }),
  };
  try {
    await context.store.audit(entry);
  } catch (error) {
    // What was done is done, and its reply matters more than this line.
    context.log(
      'error',
      `The audit log could not be written: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
