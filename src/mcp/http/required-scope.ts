import type { Scope } from '../../state/subject.ts';
import { advertised } from '../../tools/advertised.ts';
import type { Message } from '../odd-messages.ts';

/** What it takes to have a message answered; null: nothing but to be somebody who is known. */
export function requiredScope(message: Message): Scope | null {
  if (!('method' in message)) return null;
  const { method, params } = message;
  if (method === 'tools/call') {
    const [, scope = null] = Object.entries(advertised.scopes).find(([name]) => name === params?.name) ?? [];
    return scope;
  }
  return method === 'resources/list' || method === 'resources/read' || method.startsWith('tasks/')
    ? 'batch:read'
    : null;
}
