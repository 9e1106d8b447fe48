import { createHash } from 'node:crypto';
import * as z from 'zod';
import { readCursor, writeCursor } from '../answers/cursor.ts';
import { type CostUsd, costOf } from '../cost/cost.ts';
import {
  batchCosts,
  type CostGroup,
  costsOf,
  createCostGroups,
  type Grouping,
  groupings,
  total,
} from '../cost/group-costs.ts';
import { roundUsd } from '../cost/pricing.ts';
import { readMoment } from '../lib/moment.ts';
import { providerNames } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';
import { processingStatuses, statusOf } from '../state/status.ts';
import type { DamagedBatch } from '../store/files/summaries.ts';
import type { BatchRecord } from '../store/record.ts';
import type { Store } from '../store/store.ts';
import { costUsd, processingStatus } from './fields.ts';
import { defineOperation, type ReplyOf } from './operation.ts';
import { listRemote, type RemoteBatch } from './remote-batches.ts';

const moment = z.string().transform((text, check) => {
  const time = readMoment(text);
  if (time === undefined) {
    check.addIssue({ code: 'custom', message: 'a date as 2026-11-22, or a time as 2026-11-22T08:00:00Z' });
    return z.NEVER;
  }
  return time;
});

const input = z.strictObject({
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
});

type ListRequest = Omit<z.output<typeof input>, 'include_remote'>;

/** As many as fit into a reply beside a page of our own. */
const REMOTE_SHOWN = 40;

/** Batches as they were last seen, newest first. Asks no provider unless it is asked for theirs, and sends nothing. */
export const list = defineOperation({
  name: 'list',
  input,
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
  async run(context, { include_remote, ...request }): Promise<BatchList> {
    const listed = await listBatches(context, request);
    if (!include_remote) return listed;
    const remote = await listRemote(context);
    return { ...listed, remote: remote.slice(0, REMOTE_SHOWN), remote_count: remote.length };
  },
  nextStep: ({ next_cursor }) =>
    next_cursor === null
      ? 'Call batch_status or get_results with a batch_id.'
      : 'Call batch_status or get_results with a batch_id, or list_batches with the same arguments and next_cursor.',
});

export type ListReply = ReplyOf<typeof list>;

const listedCost = z.object({
  expected: z.number(),
  maximum: z.number(),
  actual: z.number().nullable(),
  basis: z.enum(['exact', 'sampled', 'estimated', 'actual']),
});

const listedBatch = z.object({
  batch_id: z.string(),
  name: z.string(),
  provider: z.enum(providerNames),
  processing_status: z.enum(processingStatuses),
  request_count: z.number(),
  created_at: z.string(),
  cost_usd: listedCost.nullable() satisfies z.ZodType<CostUsd | null>,
});
export type ListedBatch = z.infer<typeof listedBatch>;

/** All that listing needs to know of a batch. */
const listing = z.object({ listed: listedBatch, costs: batchCosts, disk_bytes: z.number() });
type Listing = z.infer<typeof listing>;

export type BatchList = {
  batches: ListedBatch[];
  /** Over all matches, not only the page. Sandbox batches cost nothing and are left out of the dollars. */
  totals: { batches: number; requests: number; actual_usd: number; open_expected_usd: number };
  /** The dearest groups over all matches, with `group_by`. */
  groups?: CostGroup[];
  next_cursor: string | null;
  /** The newest that the provider knows and this computer does not, where they were asked for. */
  remote?: RemoteBatch[];
  remote_count?: number;
  warnings: string[];
};

const DEFAULT_LIMIT = 20;
const DAMAGED_NAMED = 5;
const GROUPS_SHOWN = 40;
/** A page ends before it fills a reply. */
const PAGE_CHARACTERS = 10_000;
/** Below this nobody minds what the data folder takes. */
const MUCH_DISK_BYTES = 1_000_000_000;

/** What the store of a process keeps for listing. */
const readers = new WeakMap<Store, ReturnType<typeof readerOf>>();

const readerOf = (store: Store) =>
  store.summaries<Listing>({ name: 'listing-2', schema: listing, make: listingOf });

async function listBatches(
  context: Pick<Context, 'store' | 'log'>,
  request: ListRequest,
): Promise<BatchList> {
  const { limit = DEFAULT_LIMIT, cursor, ...filters } = request;
  const of = `list:${createHash('sha256').update(JSON.stringify(filters)).digest('hex').slice(0, 12)}`;
  const start = cursor === undefined ? 0 : readCursor(cursor, of);
  const read = readers.get(context.store) ?? readerOf(context.store);
  readers.set(context.store, read);
  const { found, damaged } = await read(await context.store.batchIds());
  for (const { problem } of damaged) context.log('error', problem);

  const batches: ListedBatch[] = [];
  const totals = { batches: 0, requests: 0, actual_usd: 0, open_expected_usd: 0 };
  const costGroups = createCostGroups(request.group_by);
  let next: string | null = null;
  let characters = 0;
  for (const { listed, costs } of found) {
    if (!matches(listed, request)) continue;
    if (totals.batches >= start && next === null) {
      characters += JSON.stringify(listed).length;
      const full = batches.length >= limit || (batches.length > 0 && characters > PAGE_CHARACTERS);
      if (full) next = writeCursor(of, totals.batches);
      else batches.push(listed);
    }
    totals.batches += 1;
    totals.requests += listed.request_count;
    if (listed.provider === 'sandbox') continue;
    totals.actual_usd = roundUsd(totals.actual_usd + total(costs.spent));
    totals.open_expected_usd = roundUsd(totals.open_expected_usd + (costs.open_usd ?? 0));
    costGroups.add(listed, costs);
  }
  const groups = costGroups.groups();
  const warnings = [
    ...damagedWarnings(damaged),
    ...unknownWarnings(request.group_by, groups.length, costGroups.unknown()),
    ...diskWarnings(context, found),
    ...(batches.some(({ provider }) => provider === 'sandbox') ? [SANDBOX_LISTED] : []),
  ];
  return {
    batches,
    totals,
    ...(request.group_by && { groups: groups.slice(0, GROUPS_SHOWN) }),
    next_cursor: next,
    warnings,
  };
}

const SANDBOX_LISTED =
  'Batches with provider sandbox hold made-up answers; nothing was paid for them, and the dollars leave them out.';

function listingOf(record: BatchRecord): Listing {
  const { batch_id, name, provider, request_count, created_at } = record;
  const processing_status = statusOf(record);
  const cost_usd = costOf(record);
  return {
    listed: { batch_id, name, provider, processing_status, request_count, created_at, cost_usd },
    costs: costsOf(record),
    disk_bytes: diskBytes(record),
  };
}

/** Its requests and results, which are nearly all of it. */
export function diskBytes({ parts }: BatchRecord): number {
  return parts.reduce(
    (sum, { body_bytes, progress }) =>
      sum + body_bytes + ((progress.state === 'created' && progress.results?.bytes) || 0),
    0,
  );
}

function diskWarnings({ store }: Pick<Context, 'store'>, found: readonly Listing[]): string[] {
  const bytes = found.reduce((sum, { disk_bytes }) => sum + disk_bytes, 0);
  if (bytes < MUCH_DISK_BYTES) return [];
  return [`The batches take ${(bytes / 1e9).toFixed(1)} GB of disk, in ${store.path}.`];
}

/** What the dollars do not hold. */
function unknownWarnings(by: Grouping | undefined, groups: number, unknown: number): string[] {
  return [
    ...(unknown > 0
      ? [
          `The cost of ${unknown === 1 ? '1 batch' : `${unknown} batches`} is not known, or not in full: it is not in the dollars.`,
        ]
      : []),
    ...(groups > GROUPS_SHOWN ? [`Only the ${GROUPS_SHOWN} dearest of ${groups} groups are listed.`] : []),
    ...(by === undefined
      ? []
      : [
          'Batches made elsewhere and never looked at here are not in it; the Anthropic Console knows them all.',
        ]),
  ];
}

function matches(
  listed: ListedBatch,
  { processing_status, name_contains, since, until }: ListRequest,
): boolean {
  return (
    (processing_status === undefined || listed.processing_status === processing_status) &&
    (name_contains === undefined || listed.name.toLowerCase().includes(name_contains.toLowerCase())) &&
    (since === undefined || Date.parse(listed.created_at) >= since) &&
    (until === undefined || Date.parse(listed.created_at) < until)
  );
}

function damagedWarnings(damaged: readonly DamagedBatch[]): string[] {
  if (damaged.length === 0) return [];
  const ids = damaged.map(({ batch_id }) => batch_id);
  const named = ids.slice(0, DAMAGED_NAMED).join(', ') + (ids.length > DAMAGED_NAMED ? ', …' : '');
  return [
    `${ids.length} batches can't be read and were left as they are: ${named}. The others are not concerned.`,
  ];
}
