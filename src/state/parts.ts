import type { BatchError } from '../errors.ts';
import type { Mark } from '../lib/mark.ts';
import type { ProviderBatch } from '../provider/provider.ts';
import { partReceived, partResults } from '../store/names.ts';
import type { Failure, Intent, PartState, SeenBatch } from '../store/part-state.ts';
import type { BatchRecord, CreatedPart, Part, SendFate } from '../store/record.ts';
import { changeWhere, type Register } from '../store/store.ts';

export function isCreated(part: Part): part is CreatedPart {
  return part.progress.state === 'created';
}

/** Whether a part of a batch waits for the answers that it works on. */
export function isWaiting({ parts }: Pick<BatchRecord, 'parts'>): boolean {
  return parts.some(({ progress }) => progress.state === 'waiting');
}

/** The lowest waiting stage of a merge; for other work the waiting part. */
export function nextWaiting(parts: readonly Part[]): Part | undefined {
  const waiting = parts.filter(({ progress }) => progress.state === 'waiting');
  return waiting.toSorted((a, b) => a.first_task - b.first_task)[0];
}

/** Whether a part waits for the answer of the one that fills the cache for it. */
export function isHeld({ parts }: Pick<BatchRecord, 'parts'>, { after, progress }: Part): boolean {
  if (after === undefined || progress.state !== 'prepared') return false;
  const primer = parts.find(({ number }) => number === after);
  return primer !== undefined && !(isCreated(primer) && primer.progress.seen.processing_status === 'ended');
}

/** Whether a part's requests were never made, as the answers that they were to work on never came. */
export function isNeverMade({ progress, body_bytes }: Part): boolean {
  return progress.state === 'not_sent' && body_bytes === 0;
}

/**
 * Changes one part's state; `change` returns null to leave it alone. Returns the newest record, and whether this call
 * changed it.
 */
export async function updatePart(
  register: Register<BatchRecord>,
  number: number,
  change: (part: Part) => PartState | null,
): Promise<{ record: BatchRecord | null; changed: boolean }> {
  const { value, changed } = await changeWhere(register, (current) => {
    const part = current.parts.find((candidate) => candidate.number === number);
    const progress = part && change(part);
    return progress
      ? {
          ...current,
          parts: current.parts.map((each) => (each.number === number ? { ...each, progress } : each)),
        }
      : null;
  });
  return { record: value, changed };
}

/** The number of the download as which its results are saved, or will be. */
export function downloadOf({ progress }: Part): number {
  return (progress.state === 'created' && progress.download) || 1;
}

/** The name of the blob with its results, a line for each task. */
export function resultsOf(part: Part): string {
  return partResults(part.number, downloadOf(part));
}

/** The name of the blob with what was received for it. */
export function receivedOf(part: Part): string {
  return part.packs === undefined ? resultsOf(part) : partReceived(part.number, downloadOf(part));
}

/** How many requests a part is on the wire, which is what the provider counts. */
export function sentCount({ packs, request_count }: Pick<Part, 'packs' | 'request_count'>): number {
  return packs ?? request_count;
}

/** The cost of an uncertain send that a person had repeated, in US dollars; null where that is not known. */
export function fateUsd(fate: SendFate | undefined): number | null {
  return fate?.fate === 'not_made' ? 0 : (fate?.usd ?? null);
}

/** How many further sends of a part may have been paid for at an unknown cost. */
export function openSends({ unknown_sends = 0, fates = [] }: Pick<Part, 'unknown_sends' | 'fates'>): number {
  return unknown_sends - fates.filter((fate) => fateUsd(fate) !== null).length;
}

/** The fields of a provider's batch that are kept whenever its state changes. */
export function seenOf(batch: ProviderBatch): SeenBatch {
  const { processing_status, request_counts, created_at, expires_at, ended_at } = batch;
  return { processing_status, request_counts, created_at, expires_at, ended_at };
}

/** The state of a part that the provider has. */
export function createdState(intent: Intent | null, batch: ProviderBatch): CreatedPart['progress'] {
  return {
    state: 'created',
    intent,
    provider_batch_id: batch.id,
    tentative: false,
    not_found_since: null,
    seen: seenOf(batch),
    results: null,
  };
}

/** The state of a part whose create may or may not have made a batch. */
export function unconfirmedState(
  intent: Intent,
  failure: Failure,
): Extract<PartState, { state: 'unconfirmed' }> {
  return { state: 'unconfirmed', intent, failure, empty_listings: 0, candidates: [] };
}

/** The marks that parts were sent under. */
export function marksOf({ parts }: Pick<BatchRecord, 'parts'>): Mark[] {
  return parts.flatMap(({ mark }) => mark ?? []);
}

/** How many requests a provider's batch has. */
export function countOf({ request_counts }: ProviderBatch): number {
  return Object.values(request_counts).reduce((sum, count) => sum + count, 0);
}

/** Whether a failed look says nothing about the other parts: the API did answer, and may well answer for those. */
export function concernsOnePart({ code, api }: BatchError): boolean {
  return code === 'api_not_found' || (code === 'api_uncertain' && api?.status !== undefined);
}
