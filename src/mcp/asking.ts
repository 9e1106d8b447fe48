import type { JSONRPCRequest, Result } from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import type { Context } from '../state/context.ts';
import type { Ask, GivenAnswer, Question } from '../state/questions.ts';
import type { Message } from './odd-messages.ts';

// Loaded late: the list of tools, which a client waits for, does without it.
const openQuestions = () => import('../state/questions.ts');

/** The id of a stored question, repeated here because a start does not load `store/names.ts`. */
const QUESTION = /^question_[0-9a-f]{32}$/;

/** What a client declares about elicitation. If it mentions neither forms nor URLs, it means forms. */
const capabilities = z.looseObject({ elicitation: z.looseObject({}) });

/** Whether a client can show a person a form. */
export function canAsk(declared: unknown): boolean {
  const { elicitation } = capabilities.safeParse(declared).data ?? {};
  return elicitation !== undefined && ('form' in elicitation || !('url' in elicitation));
}

/** A question as an elicitation form, the same in both eras. */
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

/** The box is ticked. Some clients send a form's values as text, and null for a field left at its default. */
const YES = new Set<unknown>([null, true, 'true']);

/** Other fields without the box belong to some other form, which may say no. */
const isYes = (content: Readonly<Record<string, unknown>>) =>
  Object.keys(content).length === 0 || YES.has(content.send);

/** How a person answered the form; anything unreadable counts as no answer. */
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

/** The question that one request may ask. */
export type Asking = {
  ask: Ask;
  /** The result to answer with if the question is still open. Afterwards it is too late to ask. */
  end(): Result | null;
};

/**
 * Questions in the new era: the reply holds the question, and the client repeats the request with the answer next to its
 * arguments. An answer counts once, for exactly the call and the work it was asked about (a file named in the call may have
 * changed since), and for no more money than the question named.
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

/** Sends a request to the client. False when it is too late for that. */
export type Carry = (request: JSONRPCRequest) => Promise<boolean>;

/**
 * Questions in the old era when every request has its own connection: the request's stream carries the question, and the
 * answer arrives as a separate request, at any server of the store (`takeAnswer`).
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

/** Stores a client's answer to a question of `askApart` for whoever waits for it; ignores every other message. */
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
