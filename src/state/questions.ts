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
  /** Tells the work from any other: a yes is for this alone. */
  work: string;
};

/**
 * What came of it. `unable`: whoever calls can't put a question to a person; `late`: the call in which it could have been
 * put was answered before there was a question.
 */
export type QuestionOutcome = GivenAnswer | 'unable' | 'late';

/** What a person answered, or that they did not. */
export type GivenAnswer = 'approved' | 'declined' | 'canceled' | 'unanswered';

/** Puts a question to the person behind a call, who may take so long, in a way that no argument of a call can answer. */
export type Ask = (question: Question, patienceMs: number) => Promise<QuestionOutcome>;

/** How often an answer is looked for that comes to another process. */
const LOOK_MS = 500;

type Asked = { store: Pick<Store, 'question'>; now: () => Date; subject: Subject | null };

/** Keeps what is asked in the store, so that its answer may come to any process. Gives the question's id, which nobody can guess. */
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

/** Whether whoever calls was asked this, not long ago. */
function isFor({ now, subject }: Asked, question: OpenQuestion): boolean {
  return question.user === subject?.name && now().getTime() - Date.parse(question.at) <= QUESTION_KEPT_MS;
}

/** Whether what is asked now was asked by this question, in the very same call and for as much at least; true once. */
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

/** Notes what a person answered to a question that another process waits with. Does nothing where nobody asked them, or they answered. */
export async function answerQuestion(asked: Asked, id: string, answer: GivenAnswer): Promise<void> {
  await asked.store.question(id).update((current) => {
    const isOpen = current !== null && isFor(asked, current) && current.taken_by === undefined;
    return isOpen && current.answer === undefined ? { ...current, answer } : current;
  });
}

/** Waits for the answer, by whichever process it comes. From when this resolves it is too late for another. */
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
