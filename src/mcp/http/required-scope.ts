import type { Scope } from '../../state/subject.ts';
import { tools } from '../../tools/index.ts';
import { isAnswer } from '../asking.ts';
import type { Message } from '../odd-messages.ts';

/** What a tool takes; null where there is no such tool. */
export function scopeOfTool(name: unknown): Scope | null {
  return tools.find((tool) => tool.name === name)?.scope ?? null;
}

/** What it takes to have a message answered; null: nothing but to be somebody who is known. */
export function requiredScope(message: Message): Scope | null {
  // A person's word on money is as good as the call that asked for it.
  if (!('method' in message)) return isAnswer(message) ? 'batch:submit' : null;
  const { method, params } = message;
  if (method === 'tools/call') return scopeOfTool(params?.name);
  return method === 'resources/list' || method === 'resources/read' || method.startsWith('tasks/')
    ? 'batch:read'
    : null;
}
