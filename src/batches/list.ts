import { createHash } from 'node:crypto';
import { BatchError } from '../errors.ts';
import { roundUsd } from '../provider/pricing.ts';
import type { BatchRecord } from '../store/record.ts';
import type { Context } from './context.ts';
import { costOf } from './cost.ts';
import { readCursor, writeCursor } from './cursor.ts';
import { type ProcessingStatus, statusOf } from './status.ts';

export type ListRequest = {
  processing_status?: ProcessingStatus | undefined;
  /** Part of the name, in any case. */
  name_contains?: string | undefined;
  /** Created at or after, and before: ISO 8601 dates or times. */
  since?: string | undefined;
  until?: string | undefined;
  limit: number;
  cursor?: string | undefined;
};

export type ListedBatch = {
  batch_id: string;
  name: string;
  provider: string;
  processing_status: ProcessingStatus;
  request_count: number;
  created_at: string;
  cost_usd: ReturnType<typeof costOf>;
};

export type BatchList = {
  batches: ListedBatch[];
  /** Over all matches, not only the page. Sandbox batches cost nothing and are left out of the dollars. */
  totals: { batches: number; requests: number; actual_usd: number; open_expected_usd: number };
  next_cursor: string | null;
  warnings: string[];
};

const READ_AT_ONCE = 32;
const DAMAGED_NAMED = 5;
/** A page ends before it fills a reply. */
const PAGE_CHARACTERS = 10_000;

/** Batches as they were last seen, newest first. Asks no provider and sends nothing. */
export async function list(context: Context, request: ListRequest): Promise<BatchList> {
  const ids = await context.store.batchIds();
  const { limit, cursor, ...filters } = request;
  const of = `list:${createHash('sha256').update(JSON.stringify(filters)).digest('hex').slice(0, 12)}`;
  const start = cursor === undefined ? 0 : readCursor(cursor, of);

  const batches: ListedBatch[] = [];
  const totals = { batches: 0, requests: 0, actual_usd: 0, open_expected_usd: 0 };
  const damaged: string[] = [];
  let next: string | null = null;
  let characters = 0;
  for (let from = 0; from < ids.length; from += READ_AT_ONCE) {
    const chunk = await Promise.all(
      ids.slice(from, from + READ_AT_ONCE).map((id) => readOrNull(context, id, damaged)),
    );
    for (const record of chunk) {
      if (record === null || !matches(record, request)) continue;
      const listed = listedBatch(record);
      if (totals.batches >= start && next === null) {
        characters += JSON.stringify(listed).length;
        const full = batches.length >= limit || (batches.length > 0 && characters > PAGE_CHARACTERS);
        if (full) next = writeCursor(of, totals.batches);
        else batches.push(listed);
      }
      totals.batches += 1;
      totals.requests += listed.request_count;
      if (record.provider === 'sandbox') continue;
      totals.actual_usd = roundUsd(totals.actual_usd + (listed.cost_usd?.actual ?? 0));
      const open = listed.cost_usd?.actual === null && listed.processing_status !== 'not_sent';
      if (open)
        totals.open_expected_usd = roundUsd(totals.open_expected_usd + (listed.cost_usd?.expected ?? 0));
    }
  }
  return { batches, totals, next_cursor: next, warnings: damagedWarnings(damaged) };
}

function listedBatch(record: BatchRecord): ListedBatch {
  const { batch_id, name, provider, request_count, created_at } = record;
  const processing_status = statusOf(record);
  return { batch_id, name, provider, processing_status, request_count, created_at, cost_usd: costOf(record) };
}

async function readOrNull(context: Context, id: string, damaged: string[]): Promise<BatchRecord | null> {
  try {
    return await context.store.record(id).read();
  } catch (error) {
    if (!(error instanceof BatchError) || error.code !== 'store_damaged') throw error;
    context.log('error', error.message);
    damaged.push(id);
    return null;
  }
}

function matches(
  record: BatchRecord,
  { processing_status, name_contains, since, until }: ListRequest,
): boolean {
  return (
    (processing_status === undefined || statusOf(record) === processing_status) &&
    (name_contains === undefined || record.name.toLowerCase().includes(name_contains.toLowerCase())) &&
    (since === undefined || Date.parse(record.created_at) >= Date.parse(since)) &&
    (until === undefined || Date.parse(record.created_at) < Date.parse(until))
  );
}

function damagedWarnings(ids: string[]): string[] {
  if (ids.length === 0) return [];
  const named = ids.slice(0, DAMAGED_NAMED).join(', ') + (ids.length > DAMAGED_NAMED ? ', …' : '');
  return [
    `${ids.length} batches can't be read and were left as they are: ${named}. The others are not concerned.`,
  ];
}
