import * as z from 'zod';
import { groupings } from '../cost/group-costs.ts';
import { list } from '../operations/list.ts';
import { listRemote } from '../operations/list-remote.ts';
import { costUsd, processingStatus } from './fields.ts';
import { defineTool } from './tool.ts';

/** A day or a time, as people and programs write it. */
const moment = z
  .string()
  .refine((text) => /^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(Date.parse(text)), {
    error: 'a date as 2026-11-22, or a time as 2026-11-22T08:00:00Z',
  });

/** As many as fit into a reply beside a page of our own. */
const REMOTE_SHOWN = 40;

export const listBatches = defineTool({
  name: 'list_batches',
  title: 'List batches',
  description:
    'Lists the batches submitted from this computer, newest first, as they were last seen, with totals of tasks and ' +
    'dollars over all matches. Use it to find a batch_id again, or with group_by for what was spent. Filter by processing_status, name_contains, since, until.',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({
    processing_status: processingStatus.optional(),
    name_contains: z.string().min(1).max(100).optional(),
    since: moment.optional().describe('Created then or later, UTC'),
    until: moment.optional().describe('Created before'),
    group_by: z.enum(groupings).optional().describe('Adds up the dollars by this, over all matches'),
    limit: z.int().min(1).max(50).optional().describe('Default 20'),
    cursor: z.string().max(1000).optional(),
    include_remote: z
      .boolean()
      .optional()
      .describe('Also the newest that the API knows and this computer does not'),
  }),
  output: z.looseObject({
    batches: z.array(
      z.looseObject({
        batch_id: z.string(),
        name: z.string(),
        processing_status: processingStatus,
        cost_usd: costUsd,
      }),
    ),
    totals: z.record(z.string(), z.number()),
    next_cursor: z.string().nullable(),
    warnings: z.array(z.string()),
    next_step: z.string(),
  }),
  async run({ limit = 20, include_remote, ...request }, context) {
    const listed = await list(context, { limit, ...request });
    const remote = include_remote ? await listRemote(context) : null;
    const next_step =
      listed.next_cursor === null
        ? 'Call batch_status or get_results with a batch_id.'
        : 'Call batch_status or get_results with a batch_id, or list_batches with the same arguments and next_cursor.';
    return {
      ...listed,
      ...(remote && { remote: remote.slice(0, REMOTE_SHOWN), remote_count: remote.length }),
      next_step,
    };
  },
});
