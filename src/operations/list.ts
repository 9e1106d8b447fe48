import { createHash } from 'node:crypto';
import * as z from 'zod';
import { readCursor, writeCursor } from '../answers/page/cursor.ts';
import { createCostGroups, type GroupedCosts, groupings, total } from '../cost/group-costs.ts';
import { roundUsd } from '../cost/pricing.ts';
import { BatchError } from '../errors.ts';
import { readMomentBefore } from '../lib/time.ts';
import type { Context } from '../state/context.ts';
import { isOwn } from '../state/subject.ts';
import { costUsd, processingStatus } from './fields.ts';
import {
  damagedWarnings,
  diskWarnings,
  GROUPS_SHOWN,
  resolvedMoment,
  SANDBOX_LISTED,
  unknownWarnings,
} from './list/list-warnings.ts';
import { type ListedBatch, readListing } from './list/listing.ts';
import { listRemote, type RemoteBatch } from './list/remote-batches.ts';
import { defineOperation, type ReplyOf } from './operation.ts';

/** Whether it can be read does not depend on the present moment, so any will do. */
const moment = z.string().refine((text) => readMomentBefore(text, new Date(0)) !== undefined, {
  error:
    'a date such as 2026-11-22, a month such as 2026-11, a time such as 2026-11-22T08:00:00Z, or relative to now: 7d, yesterday, last month',
});

const input = z.strictObject({
  processing_status: processingStatus.optional(),
  name_contains: z.string().min(1).max(100).optional(),
  user: z.string().min(1).max(200).optional(),
  since: moment.optional().describe('Created since, UTC'),
  until: moment.optional().describe('Created before'),
  group_by: z
    .array(z.enum(groupings))
    .min(1)
    .max(2)
    .optional()
    .describe('One or two: adds up the dollars by them'),
  limit: z.int().min(1).max(50).optional().describe('Default 20'),
  cursor: z.string().max(1000).optional(),
  include_remote: z.boolean().optional().describe('Also the newest that only the API knows'),
});

type ListRequest = Omit<z.output<typeof input>, 'include_remote'>;

/** As many as fit into a reply beside a page of our own batches. */
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
  }),
  async run(context, { include_remote, ...request }): Promise<BatchList> {
    const listed = await listBatches(context, request);
    if (!include_remote) return listed;
    return { ...listed, ...(await remoteBatches(context, listed.warnings)) };
  },
  nextStep(
    { totals, next_cursor, remote, warnings },
    { limit: _limit, include_remote: _remote, ...filters },
  ) {
    if (totals.batches === 0 && !remote?.length) {
      const isFiltered = Object.values(filters).some((filter) => filter !== undefined);
      if (isFiltered) return NOTHING_MATCHES;
      return `${warnings.length === 0 ? NOTHING_YET : NOTHING_LISTED} ${MAKE_ONE}`;
    }
    return next_cursor === null
      ? 'Call batch_status or get_results with a batch_id.'
      : 'Call batch_status or get_results with a batch_id, or list_batches with the same arguments and next_cursor.';
  },
});

/** The batches known here are listed whether or not the API answers. */
async function remoteBatches(
  context: Context,
  warnings: readonly string[],
): Promise<Pick<BatchList, 'remote' | 'remote_count' | 'warnings'>> {
  try {
    const remote = await listRemote(context);
    return { remote: remote.slice(0, REMOTE_SHOWN), remote_count: remote.length, warnings: [...warnings] };
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    const unread = `These are the batches of this computer; those that only the API knows are left out. ${error.message}`;
    return { remote: null, warnings: [unread, ...warnings] };
  }
}

const NOTHING_YET = 'There are no batches yet.';
const NOTHING_LISTED = 'No batch is listed: the warnings say what is left out.';
const MAKE_ONE =
  'To make one, call submit_batch with the tasks: estimate_cost says beforehand what it costs, and sandbox: true tries it ' +
  'out free and without a key.';

const NOTHING_MATCHES =
  'No batch matches. Call list_batches with fewer filters to see which batches there are.';

export type ListReply = ReplyOf<typeof list>;

type BatchList = {
  batches: ListedBatch[];
  /** Over all matches, not only the page. Sandbox batches cost nothing and are left out of the dollars. */
  totals: { batches: number; requests: number; actual_usd: number; open_expected_usd: number };
  /** The dearest groups over all matches, with `group_by`. */
  groups?: GroupedCosts[];
  next_cursor: string | null;
  /** The newest that the provider knows and this computer does not, where they were asked for; null where they can't be read. */
  remote?: RemoteBatch[] | null;
  remote_count?: number;
  warnings: string[];
};

const DEFAULT_LIMIT = 20;
/** A page ends before it fills a reply. */
const PAGE_CHARACTERS = 10_000;

async function listBatches(
  context: Pick<Context, 'store' | 'log' | 'now' | 'subject' | 'isShared'>,
  request: ListRequest,
): Promise<BatchList> {
  // A call for groups is about the groups: batches are listed beside them only where a limit or a cursor asks for
  // some.
  const isGrouped = request.group_by !== undefined && request.cursor === undefined;
  const { limit = isGrouped ? 0 : DEFAULT_LIMIT, cursor, ...filters } = request;
  const of = `list:${createHash('sha256').update(JSON.stringify(filters)).digest('hex').slice(0, 12)}`;
  const start = cursor === undefined ? 0 : readCursor(cursor, of);
  const now = context.now();
  const since = timeOf(request.since, now);
  const until = timeOf(request.until, now);
  const { found, damaged } = await readListing(context);
  for (const { problem } of damaged) context.log('warn', problem);

  const batches: ListedBatch[] = [];
  const totals = { batches: 0, requests: 0, actual_usd: 0, open_expected_usd: 0 };
  const costGroups = createCostGroups(request.group_by);
  let next: string | null = null;
  let characters = 0;
  let hasSandbox = false;
  for (const { listed, costs } of found) {
    if (!isOfUser(context, listed, request.user)) continue;
    if (!matches(listed, request) || !isWithin(listed, since, until)) continue;
    if (limit > 0 && totals.batches >= start && next === null) {
      characters += JSON.stringify(listed).length;
      const full = batches.length >= limit || (batches.length > 0 && characters > PAGE_CHARACTERS);
      if (full) next = writeCursor(of, totals.batches);
      else batches.push(listed);
    }
    totals.batches += 1;
    totals.requests += listed.request_count;
    if (listed.provider === 'sandbox') {
      hasSandbox = true;
      continue;
    }
    totals.actual_usd = roundUsd(totals.actual_usd + total(costs.spent));
    totals.open_expected_usd = roundUsd(totals.open_expected_usd + (costs.open_usd ?? 0));
    costGroups.add(listed, costs);
  }
  const groups = costGroups.groups();
  const warnings = [
    ...resolvedMoment('since', request.since, since),
    ...resolvedMoment('until', request.until, until),
    ...damagedWarnings(damaged),
    ...unknownWarnings(request.group_by, groups.length, costGroups.unknown()),
    ...diskWarnings(context, found),
    ...(hasSandbox ? [SANDBOX_LISTED] : []),
  ];
  return {
    batches,
    totals,
    ...(request.group_by && { groups: groups.slice(0, GROUPS_SHOWN) }),
    next_cursor: next,
    warnings,
  };
}

const ALL = 'all';

/** The caller's own batches, unless the call asks for others. */
function isOfUser(
  context: Pick<Context, 'subject'>,
  listed: ListedBatch,
  asked: string | undefined,
): boolean {
  if (asked === undefined) return isOwn(context, listed);
  return asked === ALL || asked === listed.user;
}

function matches(listed: ListedBatch, { processing_status, name_contains }: ListRequest): boolean {
  return (
    (processing_status === undefined || listed.processing_status === processing_status) &&
    (name_contains === undefined || listed.name.toLowerCase().includes(name_contains.toLowerCase()))
  );
}

const timeOf = (moment: string | undefined, now: Date) =>
  moment === undefined ? undefined : readMomentBefore(moment, now);

function isWithin({ created_at }: ListedBatch, since = -Infinity, until = Infinity): boolean {
  // Parsing a hundred thousand times takes longer than everything else.
  if (since === -Infinity && until === Infinity) return true;
  const created = Date.parse(created_at);
  return created >= since && created < until;
}
