import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import { countOf, isCreated, sentCount } from '../state/parts.ts';
import { isOwner } from '../state/subject.ts';
import type { BatchRecord, Part, SendFate } from '../store/record.ts';
import { findCandidates } from './candidates.ts';
import { claimTentatively } from './claims.ts';
import { findByMark } from './find-mark.ts';
import { requireSameAccount } from './same-account.ts';
import { isUnconfirmed, takeForGood, type UnconfirmedPart } from './settle.ts';
import { confirmPart } from './tentative.ts';

/**
 * Carries out a person's decision on an uncertain part: `send_again`, which `approve` may refuse, or the id of the
 * provider's batch that it is. Throws `wrong_state` where nothing is uncertain, and `not_found` or `invalid_input`
 * for an impossible id.
 */
export async function resolveUnconfirmed(
  context: Context,
  record: BatchRecord,
  resolve: string,
  approve: (part: Part) => Promise<void>,
): Promise<void> {
  const register = context.store.record(record.batch_id);
  const tentative = record.parts
    .filter(isCreated)
    .find(({ progress }) => progress.tentative && progress.provider_batch_id === resolve);
  if (tentative) return confirmPart(context, record, tentative);
  const uncertain = record.parts.filter(isUnconfirmed);
  // Where several are uncertain, the one that the person was asked about.
  const part =
    uncertain.find(({ progress }) => progress.candidates.includes(resolve)) ??
    uncertain.find(({ progress }) => progress.candidates.length > 0) ??
    uncertain[0];
  if (!part) {
    throw new BatchError('wrong_state', 'Nothing about this batch is uncertain: leave resolve out.');
  }
  // The account has to know the batch that the person names.
  const named = resolve === 'send_again' ? [] : [resolve];
  await requireSameAccount(context, record, part.progress.intent, named);
  if (resolve === 'send_again') {
    const listed = await listedFirst(context, record, part);
    const known = listed ?? part.progress.candidates;
    const { found, disproved, failure } = await findByMark(context, record, part, known);
    // It was made and paid for: no second send is needed.
    if (found !== null) return takeForGood(context, record, part, found);
    if (failure !== null) throw failure;
    const untold = listed?.filter((id) => !disproved.includes(id)) ?? [];
    if (untold.length > 0) throw notYetTold(untold);
    await approve(part);
    await register.update(
      (current) =>
        current && { ...current, parts: current.parts.map((each) => sentAgain(each, part.number)) },
    );
    return;
  }
  if (!isOwner(context) && !isCandidate(part, resolve))
    throw cantBe(part, resolve, 'is none of the candidates');
  const batch = await context.provider(record.provider).retrieveBatch(resolve);
  const { found, disproved } = await findByMark(context, record, part, [batch.id]);
  if (found !== null) return takeForGood(context, record, part, found);
  if (disproved.length > 0)
    throw cantBe(part, resolve, 'has results that are not those of what this part sends');
  const owner = { batch_id: record.batch_id, part: part.number };
  const counted = countOf(batch);
  if (counted !== sentCount(part) || !(await claimTentatively(context, batch.id, owner))) {
    const problem =
      counted === sentCount(part)
        ? 'belongs to another batch'
        : `holds ${counted} requests, not ${sentCount(part)}`;
    throw cantBe(part, resolve, problem);
  }
  await takeForGood(context, record, part, batch);
}

/** The candidates for a part, where no listing was made yet and no person was told; null where one was. */
async function listedFirst(
  context: Context,
  record: BatchRecord,
  part: UnconfirmedPart,
): Promise<string[] | null> {
  const { intent } = part.progress;
  if (intent.newest !== undefined || part.progress.candidates.length > 0) return null;
  const owner = { batch_id: record.batch_id, part: part.number };
  const { own, free } = await findCandidates(context, part, intent, record.provider, owner);
  return [...(own === null ? [] : [own]), ...free].map(({ id }) => id);
}

function notYetTold(ids: readonly string[]): BatchError {
  return new BatchError(
    'wrong_state',
    `Nothing was sent. It is still being settled, and could be ${ids.join(' or ')}. Look with batch_status in a minute: it says ` +
      'which of them it is, or what is known of each.',
  );
}

function isCandidate({ progress: { candidates, known = [] } }: UnconfirmedPart, id: string): boolean {
  return candidates.includes(id) || known.some((candidate) => candidate.id === id);
}

function cantBe({ number }: Part, id: string, problem: string): BatchError {
  return new BatchError('invalid_input', `${id} can't be part ${number} of this batch.`, {
    problems: [
      { field: 'resolve', problem, valid: 'one of the candidates that batch_status names, or send_again' },
    ],
  });
}

const UNTOLD: SendFate = { candidates: [], fate: 'open' };

/** The part, to be sent once more, with a note of the send whose fate is unknown. */
function sentAgain(part: Part, number: number): Part {
  if (part.number !== number || part.progress.state !== 'unconfirmed') return part;
  const { unknown_sends = 0, fates = [], progress } = part;
  // An older version may have kept no fates of earlier sends.
  const before = Array.from({ length: unknown_sends }, (_, send) => fates[send] ?? UNTOLD);
  const fate = { candidates: progress.candidates, fate: 'open' as const };
  return {
    ...part,
    unknown_sends: unknown_sends + 1,
    fates: [...before, fate],
    progress: { state: 'prepared' },
  };
}
