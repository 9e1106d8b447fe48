import { randomUUID } from 'node:crypto';
import type { Result } from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import type { Answer, Ask, Question } from '../state/question.ts';

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
  content: z.looseObject({ send: z.unknown().optional() }).nullish(),
});

/** The box on, or as it stands; some clients send what is in a form as texts. */
const YES = new Set<unknown>([undefined, null, true, 'true']);

/** What a person answered to the form; whatever can't be read is no answer. */
export function answerOf(given: unknown): Answer {
  const read = elicited.safeParse(given);
  if (!read.success) return 'unanswered';
  const { action, content } = read.data;
  if (action === 'cancel') return 'canceled';
  return action === 'accept' && YES.has(content?.send) ? 'approved' : 'declined';
}

const KEY = 'approval';

const asked = z.looseObject({
  name: z.string(),
  arguments: z.unknown().optional(),
  inputResponses: z.looseObject({ [KEY]: z.unknown() }).optional(),
  requestState: z.string().optional(),
});

/** Older questions than so many are asked again. */
const MOST_OPEN = 100;

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
export function createQuestions(): (params: unknown) => Asking {
  const open = new Map<string, { call: string } & Pick<Question, 'work' | 'maximum'>>();

  function leaveOpen(call: string, question: Question): Result {
    const requestState = randomUUID();
    const { work, maximum } = question;
    open.set(requestState, { call, work, maximum });
    for (const oldest of [...open.keys()].slice(0, -MOST_OPEN)) open.delete(oldest);
    const inputRequests = { [KEY]: { method: 'elicitation/create', params: formOf(question) } };
    return { resultType: 'input_required', inputRequests, requestState };
  }

  return (params) => {
    const { data } = asked.safeParse(params);
    const call = JSON.stringify([data?.name, data?.arguments]);
    const state = data?.requestState ?? '';
    let question: Question | null = null;
    let isOver = false;
    return {
      async ask(about) {
        if (isOver) return 'late';
        const before = open.get(state);
        const isMeant =
          before?.call === call && before.work === about.work && about.maximum <= before.maximum;
        const answer = data?.inputResponses?.[KEY];
        if (isMeant && answer !== undefined) {
          open.delete(state);
          return answerOf(answer);
        }
        question = about;
        return 'unanswered';
      },
      end() {
        isOver = true;
        return question === null ? null : leaveOpen(call, question);
      },
    };
  };
}
