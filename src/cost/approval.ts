import { BatchError } from '../errors.ts';
import { counted } from '../lib/numbers.ts';
import type { Context } from '../state/context.ts';
import type { Report } from '../state/jobs.ts';
import type { Ask, Question, QuestionOutcome } from '../state/questions.ts';
import { formatApart, formatUsd } from './cost.ts';

/** What would be sent, and its cost in US dollars; `hash` identifies its tasks. */
type Work = { hash: string; request_count: number; expected: number; maximum: number };

/**
 * Asks the person to approve work that can cost more than the owner allows without asking. Throws `cost_limit` where
 * they did not approve: nothing may be sent then, and nothing may be left behind.
 */
export async function requireApproval(
  { askAboveUsd, limits }: Pick<Context, 'askAboveUsd' | 'limits'>,
  work: Work,
  { ask, report }: { ask?: Ask | undefined; report: Report },
): Promise<void> {
  if (askAboveUsd === null || work.maximum <= askAboveUsd) return;
  const { expected, maximum } = work;
  if (ask) report({ stage: 'asking', done: 0, total: null });
  const answer = ask ? await ask(questionOf(work, askAboveUsd), limits.askMs) : 'unable';
  if (answer === 'approved') return;
  const [most, limit] = formatApart(maximum, askAboveUsd);
  throw new BatchError(
    'cost_limit',
    `Nothing was sent: the work could cost up to ${most} (about ${formatUsd(expected)} expected), and above ${limit} a ` +
      `person has to approve it. ${refusals[answer]}`,
  );
}

const refusals: Record<Exclude<QuestionOutcome, 'approved'>, string> = {
  declined: 'The person declined. Ask them what to change before you submit it again.',
  canceled: 'The person closed the question without an answer. Ask them whether they want the work done.',
  unanswered: 'Nobody answered the question. Submit it again when the person is there.',
  late:
    'Checking it took longer than a call lasts, and this client is asked in a reply. Submit it in smaller pieces, or let ' +
    'the person submit it at a terminal.',
  unable:
    'This client cannot ask (it declares no form elicitation), and no argument can answer in their place. Make it smaller: ' +
    'a cheaper model_tier, a lower max_tokens, or fewer tasks; or let the person submit it at a terminal.',
};

function questionOf({ hash, request_count, expected, maximum }: Work, askAboveUsd: number): Question {
  const [most, limit] = formatApart(maximum, askAboveUsd);
  const message =
    `Send ${counted(request_count, 'request')} to the Message Batches API? It is expected to cost about ${formatUsd(expected)}, and ${most} at ` +
    `most. (You are asked about whatever could cost more than ${limit}.)`;
  return { message, maximum, work: `${hash} ${request_count}` };
}
