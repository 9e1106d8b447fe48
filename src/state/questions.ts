import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sha256OfText } from '../lib/files/file-hash.ts';
import { type OpenQuestion, QUESTION_KEPT_MS } from '../store/shared-records.ts';
import type { Store } from '../store/store.ts';
import type { Subject } from './subject.ts';

/** What a person is asked before money is spent. */
export type Question = {
  /** In words, with the figures. */
  message: string;
  /** What the work can cost at most, in US dollars. */
  maximum: number;
  /** Identifies the work: an approval is for this alone. */
  work: string;
};

/**
 * The outcome of a question. `unable`: the client can't ask a person; `late`: the call in which it could have been
 * asked was answered before the question came up.
 */
export type QuestionOutcome = GivenAnswer | 'unable' | 'late';

/** What a person answered, or that they did not. */
export type GivenAnswer = 'approved' | 'declined' | 'canceled' | 'unanswered';

/** Asks the person behind a call, who may take `patienceMs`, in a way that no argument of a call can answer. */
export type Ask = (question: Question, patienceMs: number) => Promise<QuestionOutcome>;

/** How often to check for an answer that came to another process. */
const LOOK_MS = 500;

type Asked = { store: Pick<Store, 'question'>; now: () => Date; subject: Subject | null };

/**
 * Keeps a question in the store, so that its answer may come to any process. Returns its id, which nobody can guess.
 */
export async function keepQuestion(
  { store, now, subject }: Asked,
  { work, maximum }: Pick<Question, 'work' | 'maximum'>,
  call?: string,
): Promise<string> {
  const id = `question_${randomUUID().replaceAll('-', '')}`;
  const asked: OpenQuestion = {
    at: now().toISOString(),
    work,
    maximum,
    ...(call !== undefined && { call: sha256OfText(call) }),
    ...(subject !== null && { user: subject.name }),
  };
  await store.question(id).update(() => asked);
  return id;
}

/** Whether the caller was asked this question, and recently. */
function isFor({ now, subject }: Asked, question: OpenQuestion): boolean {
  return question.user === subject?.name && now().getTime() - Date.parse(question.at) <= QUESTION_KEPT_MS;
}

/** Whether this question already asked the same, in the very same call and for at least as much; true only once. */
export async function takeQuestion(
  asked: Asked,
  id: string,
  { work, maximum }: Pick<Question, 'work' | 'maximum'>,
  call: string,
): Promise<boolean> {
  const taker = randomUUID();
  const kept = await asked.store.question(id).update((current) => {
    const isMeant =
      current !== null &&
      isFor(asked, current) &&
      current.taken_by === undefined &&
      current.call === sha256OfText(call) &&
      current.work === work &&
      maximum <= current.maximum;
    return isMeant ? { ...current, taken_by: taker } : current;
  });
  return kept?.taken_by === taker;
}

/**
 * Records a person's answer to a question that another process waits on. Does nothing where there is no open question
 * of theirs.
 */
export async function answerQuestion(asked: Asked, id: string, answer: GivenAnswer): Promise<void> {
  await asked.store.question(id).update((current) => {
    const isOpen = current !== null && isFor(asked, current) && current.taken_by === undefined;
    return isOpen && current.answer === undefined ? { ...current, answer } : current;
  });
}

/** Waits for the answer, whichever process receives it. Once this resolves, no further answer is accepted. */
export async function answerTo(
  asked: Asked,
  id: string,
  { patienceMs, signal }: { patienceMs: number; signal: AbortSignal },
): Promise<GivenAnswer> {
  const until = performance.now() + patienceMs;
  const register = asked.store.question(id);
  while (!signal.aborted && performance.now() < until) {
    if ((await register.read())?.answer !== undefined) break;
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  }
  const taker = randomUUID();
  const kept = await register.update((current) => current && { ...current, taken_by: taker });
  return signal.aborted ? 'unanswered' : (kept?.answer ?? 'unanswered');
}
