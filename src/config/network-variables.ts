import type { Problem } from '../errors.ts';
import { isPlaceholder, placeholderIn, plainValue } from '../lib/placeholder.ts';
import { type Environment, isEmpty } from './read-settings.ts';

/** The variables of the Anthropic SDK, of proxies and of buckets, as far as they are really set. */
type NetworkVariables = {
  set: Record<string, string>;
  /** Variables that the client left empty or did not fill in. */
  unset: string[];
  notices: string[];
};

const BUCKETS =
  'AWS_(?:ENDPOINT_URL_S3|ENDPOINT_URL|REGION|DEFAULT_REGION|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|PROFILE|CONFIG_FILE|SHARED_CREDENTIALS_FILE)';
const READ = new RegExp(`^(?:ANTHROPIC_.*|https?_proxy|all_proxy|no_proxy|${BUCKETS})$`, 'i');
const PROXY = /_proxy$/i;
const SECRET = /^(?:ANTHROPIC_API_KEY|ANTHROPIC_AUTH_TOKEN|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN)$/;

/** Leaves out variables that the client left empty or did not fill in. Values are never quoted, since they may be keys. */
export function readNetworkVariables(env: Environment): NetworkVariables {
  const found: NetworkVariables = { set: {}, unset: [], notices: [] };
  for (const [given, value] of Object.entries(env)) {
    if (!READ.test(given) || value === undefined) continue;
    // Windows finds a variable under its name in any case.
    const name = process.platform === 'win32' ? given.toUpperCase() : given;
    const unread = whyUnread(name);
    if (unread !== null) {
      found.notices.push(unread);
      continue;
    }
    if (!isEmpty(value) && !isUnfilled(name, plainValue(value))) {
      found.set[name] = plainValue(value);
      continue;
    }
    const why = isEmpty(value) ? 'is empty' : 'holds a placeholder that the MCP client did not fill in';
    found.unset.push(name);
    found.notices.push(`${name} ${why}: it counts as unset`);
  }
  return found;
}

/** Why a variable whose name differs only in case has no effect; null if it has one. */
function whyUnread(name: string): string | null {
  const upper = name.toUpperCase();
  if (name === upper || (PROXY.test(name) && name === name.toLowerCase())) return null;
  const read = PROXY.test(name) ? `${upper} and ${name.toLowerCase()} are` : `${upper} is`;
  return `${name} has no effect: ${read} read`;
}

/** Keys and passwords may contain any character. */
function isUnfilled(name: string, value: string): boolean {
  if (SECRET.test(name)) return isPlaceholder(value);
  const text = PROXY.test(name) ? value.replace(/\/\/[^/]*@/, '//') : value;
  return isPlaceholder(value) || placeholderIn(text) !== undefined;
}

/** The SDK adds `/v1/…` itself, and people copy addresses with it. */
const SUPERFLUOUS_END = /(?<=:\/\/[^/].*)(?:\/+(?:v1(?:\/+messages(?:\/+batches)?)?)?)+$/i;

/**
 * The configured address of the API, without what the SDK adds to it. `refuse` receives what is wrong with it. The address
 * is never quoted, because whatever doesn't belong in it is a secret.
 */
export function readBaseUrl(
  set: Record<string, string>,
  refuse: (problem: Problem) => string,
): string | undefined {
  const item = 'ANTHROPIC_BASE_URL';
  const valid = 'the address alone, as in https://api.anthropic.com';
  const text = set[item];
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    return refuse({ item, problem: 'is not an http or https address', valid });
  }
  if (url.username !== '' || url.password !== '') {
    const instead = 'a key goes into ANTHROPIC_API_KEY, a token into ANTHROPIC_AUTH_TOKEN';
    return refuse({ item, problem: 'holds a user name or a password', valid: `${valid}; ${instead}` });
  }
  // Empty ones too: the path that is appended would become part of them.
  if (/[?#]/.test(text)) {
    return refuse({ item, problem: 'holds a query or a fragment', valid });
  }
  return text.replace(SUPERFLUOUS_END, '');
}
