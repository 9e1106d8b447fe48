import type { JSONRPCRequest, Result } from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import type { Context } from '../state/context.ts';
import type { Ask, GivenAnswer, Question } from '../state/questions.ts';
import type { Message } from './odd-messages.ts';

// Not needed for the list of tools, which a client waits for.
const openQuestions = () => import('../state/questions.ts');

/** The id of a question that is kept (`store/names.ts`), which no start loads. */
const QUESTION = /^question_[0-9a-f]{32}$/;

/** What a client declares of itself, as far as asking goes. Nothing said of forms or addresses means forms. */
const capabilities = z.looseObject({ elicitation: z.looseObject({}) });

/** Whether a client can show a person a form. */
export function canAsk(declared: unknown): boolean {
  const { elicitation } = capabilities.safeParse(declared).data ?? {};
  return elicitation !== undefined && ('form' in elicitation || !('url' in elicitation));
}

/** A question as a form of the protocol, alike in both eras. */
export function formOf(question: Question) {
  return {
    mode: 'form' as const,
    message: question.message,
    requestedSchema: {
      type: 'object' as const,
      properties: {
        send: {
          type: 'boolean' as const,
          title: 'Send it',
          description: 'Off: nothing is sent and nothing is paid',
          default: true,
        },
      },
    },
  };
}

const elicited = z.looseObject({
  action: z.enum(['accept', 'decline', 'cancel']),
  content: z.looseObject({}).nullish(),
});

/** The box on; some clients send what is in a form as texts, and null for a field that was left as it stands. */
const YES = new Set<unknown>([null, true, 'true']);

/** A form that holds something, and not the box, is another one: what it says may be a no. */
const isYes = (content: Readonly<Record<string, unknown>>) =>
  Object.keys(content).length === 0 || YES.has(content.send);

/** What a person answered to the form; whatever can't be read is no answer. */
export function answerOf(given: unknown): GivenAnswer {
  const read = elicited.safeParse(given);
  if (!read.success) return 'unanswered';
  const { action, content } = read.data;
  if (action === 'cancel') return 'canceled';
  return action === 'accept' && isYes(content ?? {}) ? 'approved' : 'declined';
}

const KEY = 'approval';

const asked = z.looseObject({
  name: z.string(),
  arguments: z.unknown().optional(),
  inputResponses: z.looseObject({ [KEY]: z.unknown() }).optional(),
  requestState: z.string().optional(),
});

/** One request's question, where it has one. */
export type Asking = {
  ask: Ask;
  /** What the request is answered with, where its question is still open. From now on it is too late to ask. */
  end(): Result | null;
};

/**
 * Questions of the new era: a reply holds the question, and the client repeats the request with the answer beside its
 * arguments. An answer counts once, for the very call and the very work that were asked about (a file that it names can
 * have changed meanwhile), and for no more money than was said.
 */
export function createQuestions(load: () => Promise<Context>): (params: unknown) => Asking {
  return (params) => {
    const { data } = asked.safeParse(params);
    const call = JSON.stringify([data?.name, data?.arguments]);
    const state = data?.requestState ?? '';
    const answer = data?.inputResponses?.[KEY];
    let result: Result | null = null;
    let isOver = false;
    return {
      async ask(question) {
        if (isOver) return 'late';
        const [context, { keepQuestion, takeQuestion }] = await Promise.all([load(), openQuestions()]);
        const isAnswer = answer !== undefined && QUESTION.test(state);
        if (isAnswer && (await takeQuestion(context, state, question, call))) return answerOf(answer);
        const requestState = await keepQuestion(context, question, call);
        if (isOver) return 'late';
        const inputRequests = { [KEY]: { method: 'elicitation/create', params: formOf(question) } };
        result = { resultType: 'input_required', inputRequests, requestState };
        return 'unanswered';
      },
      end() {
        isOver = true;
        return result;
      },
    };
  };
}

/** Carries a request to the client. False where it can't be told any more. */
export type Carry = (request: JSONRPCRequest) => Promise<boolean>;

/**
 * Questions of the old era where each request is another connection: its stream carries the question, and the answer comes
 * by a request of its own, to any server of the store (`takeAnswer`).
 */
export function askApart(load: () => Promise<Context>, carry: Carry, signal: AbortSignal): Ask {
  return async (question, patienceMs) => {
    const [context, { answerTo, keepQuestion }] = await Promise.all([load(), openQuestions()]);
    const id = await keepQuestion(context, question);
    const params = formOf(question);
    if (!(await carry({ jsonrpc: '2.0', id, method: 'elicitation/create', params }))) return 'late';
    return answerTo(context, id, { patienceMs, signal });
  };
}

/** The answer of a client to `askApart`, kept for whoever waits for it. Anything else is left alone. */
export async function takeAnswer(load: () => Promise<Context>, message: Message): Promise<void> {
  if (!isAnswer(message)) return;
  const answer = 'result' in message ? answerOf(message.result) : 'unanswered';
  const { answerQuestion } = await openQuestions();
  await answerQuestion(await load(), message.id, answer);
}

/** Whether a message answers a question of `askApart`. */
export function isAnswer(message: Message): message is Exclude<Message, { method: string }> & { id: string } {
  return (
    !('method' in message) && 'id' in message && typeof message.id === 'string' && QUESTION.test(message.id)
  );
}
