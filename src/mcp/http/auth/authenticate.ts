import type { IncomingMessage } from 'node:http';
import { type Scope, type Subject, scopes, usualScopes } from '../../../state/subject.ts';
import { tools } from '../../../tools/index.ts';
import { isAnswer } from '../../asking.ts';
import type { Message } from '../../odd-messages.ts';
import type { Refusal } from '../refusal.ts';

/** Says who a request is from. */
export type Authenticate = (request: IncomingMessage) => Promise<Subject | Refusal>;

/**
 * Whose bearer token this is, or null if it isn't known here. `problem` says why a token of this kind is refused; 'later'
 * means that it can't be checked now.
 */
export type FindSubject = (token: string) => Promise<Subject | { problem: string } | 'later' | null>;

/** Nobody needs to authenticate: only the owner, on this machine, can reach the server. */
export const localSubject: Subject = { name: 'local', scopes: new Set(scopes) };

const LONGEST_TOKEN = 16_384;

/** Identifies the sender by their bearer token, using the first of `ways` that knows it. */
export function createAuthentication(ways: readonly FindSubject[], metadataUrl: string | null): Authenticate {
  return async ({ headers: { authorization }, headersDistinct }) => {
    // A proxy may have checked a different one.
    if ((headersDistinct.authorization?.length ?? 0) > 1)
      return unauthorized(metadataUrl, 'there are several');
    if (authorization === undefined) return unauthorized(metadataUrl, null);
    const token = /^Bearer +(?<token>[\w.~+/-]+=*) *$/i.exec(authorization)?.groups?.token;
    if (token === undefined || token.length > LONGEST_TOKEN)
      return unauthorized(metadataUrl, 'it is not a bearer token');
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

/** The answer to a request without a valid token. */
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

/** Not the client's fault: if told that its token is invalid, it would discard a good one and make its user log in again. */
const uncheckable: Refusal = {
  status: 503,
  error: 'provider_unreachable',
  message: 'The token cannot be checked now: the identity provider does not answer. Try again in a minute.',
  headers: { 'retry-after': '30' },
};

/**
 * The answer to a request that its sender's scopes don't cover. It names the scopes they hold as well, since some clients
 * then ask for exactly what is named.
 */
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

/** The scope a tool requires; null if there is no such tool. */
export function scopeOfTool(name: unknown): Scope | null {
  return tools.find((tool) => tool.name === name)?.scope ?? null;
}

/** The scope a message requires; null if any known user may send it. */
export function requiredScope(message: Message): Scope | null {
  // A person's approval of a cost counts as much as the call that asked for it.
  if (!('method' in message)) return isAnswer(message) ? 'batch:submit' : null;
  const { method, params } = message;
  if (method === 'tools/call') return scopeOfTool(params?.name);
  return method === 'resources/list' || method === 'resources/read' || method.startsWith('tasks/')
    ? 'batch:read'
    : null;
}
