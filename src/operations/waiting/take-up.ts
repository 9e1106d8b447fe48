import { formatApart } from '../../cost/cost.ts';
import { totalOf } from '../../cost/cost-line.ts';
import { countCosts } from '../../cost/count-sample.ts';
import { BatchError } from '../../errors.ts';
import { dialectOf } from '../../provider/dialects.ts';
import { asOwner } from '../../sending/permission.ts';
import { ownWork } from '../../sending/submission.ts';
import type { Context } from '../../state/context.ts';
import type { Report } from '../../state/jobs.ts';
import { nextWaiting } from '../../state/parts.ts';
import { partBody, SCHEMAS, TASKS, TASKS_INDEX } from '../../store/names.ts';
import type { BatchRecord } from '../../store/record.ts';
import { type Blobs, changeWhere } from '../../store/store.ts';
import { nowhere } from '../../tasks/gather.ts';
import { checkLiveModels, knownModels } from '../../tasks/live-models.ts';
import { type Prepared, preparationOf, prepare } from '../../tasks/prepare.ts';
import { createPartsWriter } from '../../tasks/write/write-parts.ts';
import { startSending } from '../looking/sending-jobs.ts';
import { answersSourceOf } from './earlier-answers.ts';
import { endWaiting } from './end-waiting.ts';
import { boundWarning, isFreeToMake, withStages } from './stages.ts';
import { readWork } from './work-blob.ts';

/**
 * Makes the tasks of a batch that waited for the answers of `earlier`, and sends them. Only one process does; the
 * others take over if it dies, and start from scratch. A batch that can never be sent, or could cost more than was
 * reserved, ends as not sent; any other failure is thrown, and the batch goes on waiting.
 */
export async function takeUp(
  context: Context,
  batchId: string,
  earlier: BatchRecord,
  report: Report,
): Promise<void> {
  const record = await claimWaiting(context, batchId, ({ waits }) => waits !== undefined);
  if (record === null) return;
  try {
    await context.provider(record.provider).requireCredentials();
    if (await makeTasks(context, record, earlier, report)) startSending(context, record);
  } catch (error) {
    if (!(error instanceof BatchError) || !lasting.has(error.code)) throw error;
    const isTaken = ({ waits }: BatchRecord) => waits !== undefined;
    await endWaiting(context, batchId, isTaken, { why: reasonOf(error), code: error.code });
  }
}

export const lasting: ReadonlySet<string> = new Set(['invalid_input', 'cost_limit']);

export function reasonOf({ message, problems }: BatchError): string {
  const [first] = problems;
  if (first === undefined) return message;
  const where = [first.item, first.field].filter((each) => each !== undefined).join(' ');
  return `${where} ${first.problem}`.trim();
}

/**
 * Claims the making of a batch's tasks for this process; null where another has it. `isDue` judges the current
 * record: another process may have made them meanwhile, and the waiting part would be the next stage.
 */
export async function claimWaiting(
  context: Context,
  batchId: string,
  isDue: (current: BatchRecord) => boolean,
): Promise<BatchRecord | null> {
  const { value, changed } = await changeWhere(context.store.record(batchId), (current) => {
    const first = nextWaiting(current.parts);
    if (first === undefined || !isFreeToMake(context, first) || !isDue(current)) return null;
    const progress = { state: 'waiting' as const, by: context.store.presence.self() };
    return {
      ...current,
      parts: current.parts.map((part) => (part === first ? { ...part, progress } : part)),
    };
  });
  return changed ? value : null;
}

/** Makes the tasks; returns whether they are in the record now, ready to be sent. */
async function makeTasks(
  context: Context,
  record: BatchRecord,
  earlier: BatchRecord,
  report: Report,
): Promise<boolean> {
  const { batch_id, provider, base_url, workspace } = record;
  const blobs = context.store.blobs(batch_id);
  await removeLeftovers(blobs);
  const { outcomes, ...work } = await readWork(blobs);
  const source = await answersSourceOf(context, earlier, outcomes);
  const known = await knownModels(context, provider);
  const account = { base_url, workspace };
  const preparation = await preparationOf(context, { work: { ...work, source }, provider, account }, known);
  const writer = createPartsWriter(blobs, context.limits, dialectOf(provider));
  try {
    const prepared = await prepare(preparation, writer, report);
    const { lines, rates, unbounded } = await countCosts(
      prepared.stages.length === 0 ? context.provider(provider) : null,
      provider,
      prepared.costs,
    );
    const total = totalOf(lines);
    requireWithinReserved(record, total.maximum_usd);
    const life = await checkLiveModels(context, {
      provider,
      used: prepared.costs.tally.models(),
      known,
      again: (catalog) => prepare({ ...preparation, catalog }, nowhere, report),
    });
    await requireOwn(context, record, prepared);
    const parts = await writer.finish();
    const estimate = { expected: total.expected_usd, maximum: total.maximum_usd, basis: rates.basis };
    const warnings = [...prepared.warnings, ...unbounded, ...life];
    return await nameTasks(context, record, { ...prepared, parts, estimate, warnings });
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

/** Removes what a process wrote that died before the record named it: none of it was sent. */
async function removeLeftovers(blobs: Blobs): Promise<void> {
  for (const name of [TASKS, TASKS_INDEX, SCHEMAS]) await blobs.remove(name);
  for (let number = 1; (await blobs.size(partBody(number))) !== null; number += 1) {
    await blobs.remove(partBody(number));
  }
}

/** The answers may turn out longer than the bound that was reserved for. */
function requireWithinReserved({ provider, estimate }: BatchRecord, maximum_usd: number): void {
  const reserved = estimate?.maximum ?? 0;
  if (provider === 'sandbox' || maximum_usd <= reserved) return;
  const [maximum, most] = formatApart(maximum_usd, reserved);
  throw new BatchError(
    'cost_limit',
    `now that the answers are there it could cost up to ${maximum}, and ${most} was reserved when it was submitted; submit it again to send it`,
  );
}

/** A retry of the batch that it waited for makes it different work, which somebody may have submitted meanwhile. */
async function requireOwn(context: Context, record: BatchRecord, { content_hash }: Prepared): Promise<void> {
  if (record.idempotency_key !== null || record.content_hash === content_hash) return;
  const other = await ownWork(context, { ...record, content_hash });
  if (other !== null) {
    throw new BatchError('invalid_input', `${other.batchId} already does the same work`);
  }
}

type Made = Pick<BatchRecord, 'request_count' | 'content_hash' | 'parts' | 'estimate' | 'warnings'> &
  Pick<Prepared, 'stages'>;

async function nameTasks(context: Context, record: BatchRecord, made: Made): Promise<boolean> {
  const { request_count, content_hash, parts, estimate } = made;
  const owner = await asOwner(context, record);
  const { changed } = await changeWhere(context.store.record(record.batch_id), (current) => {
    const { waits, ...kept } = current;
    const isOurs = current.parts.some(
      ({ progress }) =>
        progress.state === 'waiting' && progress.by?.nonce === context.store.presence.self().nonce,
    );
    if (waits === undefined || !isOurs) return null;
    const bound = boundWarning(waits.batch_id);
    const before = current.warnings.filter((warning) => warning !== bound);
    const warnings = [...new Set([...before, ...made.warnings])];
    const named = { ...kept, ...owner, request_count, content_hash, parts, estimate, warnings };
    return withStages(named, made.stages);
  });
  return changed;
}
