import type { IncomingMessage } from 'node:http';
import { type Scope, type Subject, scopes, usualScopes } from '../../../state/subject.ts';
import { tools } from '../../../tools/index.ts';
import { isAnswer } from '../../asking.ts';
import type { Message } from '../../odd-messages.ts';
import type { Refusal } from '../refusal.ts';

/** Says who a request is from. */
export type Authenticate = (request: IncomingMessage) => Promise<Subject | Refusal>;

/**
 * Whose a bearer token is; null: not one that is known here. `problem` says why one is refused that should have been, 'later' that
 * nobody can tell now.
 */
export type FindSubject = (token: string) => Promise<Subject | { problem: string } | 'later' | null>;

/** Nobody has to say who they are: all who can reach the server are its owner, who is on this machine. */
export const localSubject: Subject = { name: 'local', scopes: new Set(scopes) };

const LONGEST_TOKEN = 16_384;

/** Reads who a request is from out of its bearer token, by the first of `ways` that knows it. */
export function createAuthentication(ways: readonly FindSubject[], metadataUrl: string | null): Authenticate {
  return async ({ headers: { authorization }, headersDistinct }) => {
    // A proxy may have gone by another one.
    if ((headersDistinct.authorization?.length ?? 0) > 1)
      return unauthorized(metadataUrl, 'there are several');
    if (authorization === undefined) return unauthorized(metadataUrl, null);
    const token = /^Bearer +(?<token>[\w.~+/-]+=*) *$/i.exec(authorization)?.groups?.token;
    if (token === undefined || token.length > LONGEST_TOKEN)
      return unauthorized(metadataUrl, 'it is no bearer token');
    let problem = 'it is not known here';
    for (const find of ways) {
      const found = await find(token);
      if (found === null) continue;
      if (found === 'later') return uncheckable;
      if ('name' in found) return found;
      problem = found.problem;
    }
    return unauthorized(metadataUrl, problem);
  };
}

function challenge(metadataUrl: string | null, more: Readonly<Record<string, string>>): string {
  const all = { ...more, ...(metadataUrl !== null && { resource_metadata: metadataUrl }) };
  const parameters = Object.entries(all).map(
    ([name, value]) => `${name}="${value.replaceAll(/["\\]/g, '')}"`,
  );
  return `Bearer ${['realm="batch-mcp"', ...parameters].join(', ')}`;
}

/** A request without a token, or with one that counts for nothing. */
function unauthorized(metadataUrl: string | null, problem: string | null): Refusal {
  const more =
    problem === null
      ? { scope: usualScopes.join(' ') }
      : { error: 'invalid_token', error_description: `The token is refused: ${problem}` };
  const message =
    problem === null
      ? 'Send a token of yours: Authorization: Bearer <token>.'
      : `The token is refused: ${problem}.`;
  const headers = { 'www-authenticate': challenge(metadataUrl, more) };
  return { status: 401, error: problem === null ? 'unauthorized' : 'invalid_token', message, headers };
}

/** Not the client's fault: told that its token is invalid, it would throw away a good one and have its user log in again. */
const uncheckable: Refusal = {
  status: 503,
  error: 'provider_unreachable',
  message: 'The token cannot be checked now: the identity provider does not answer. Try again in a minute.',
  headers: { 'retry-after': '30' },
};

/** A request of somebody who may not do that. What they have is named too: some clients ask for what is named, and nothing else. */
export function insufficientScope(
  metadataUrl: string | null,
  { scopes: held }: Subject,
  scope: Scope,
): Refusal {
  const description = `This takes the scope ${scope}, which the token does not have`;
  const more = {
    error: 'insufficient_scope',
    scope: scopes.filter((each) => each === scope || held.has(each)).join(' '),
    error_description: description,
  };
  const headers = { 'www-authenticate': challenge(metadataUrl, more) };
  return { status: 403, error: 'insufficient_scope', message: `${description}.`, headers };
}

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
