import { BatchError } from '../../errors.ts';
import {
  parseHeaderLines,
  secretsOfHeaders,
  secretsOfRoute,
  secretsOfVariables,
} from '../../lib/http/secret-headers.ts';
import { isPlaceholder, placeholderIn, plainValue } from '../../lib/placeholder.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A profile as the SDK loads it from its configuration folder or from federation variables. */
type Profile = {
  base_url?: string | undefined;
  organization_id?: string | undefined;
  workspace_id?: string | undefined;
  authentication: object;
};

/** The credential that requests are sent with, found in the SDK's own order. */
type Credential =
  | { kind: 'key'; secret: string }
  | { kind: 'token'; secret: string }
  /** An authorization or x-api-key header among the custom headers, to which the SDK gives precedence over all else. */
  | { kind: 'header'; secret: string }
  /** Identified by the profile itself, as its access tokens change every hour. */
  | { kind: 'profile'; profile: Profile };

/** The name by which a person knows each kind. */
export const credentialSources: Record<Credential['kind'], string> = {
  header: 'ANTHROPIC_CUSTOM_HEADERS',
  key: 'ANTHROPIC_API_KEY',
  token: 'ANTHROPIC_AUTH_TOKEN',
  profile: 'the Anthropic profile of this computer',
};

/** The variables of the SDK that matter here, read the way the SDK reads them. */
export type SdkSettings = {
  key: string | undefined;
  token: string | undefined;
  baseUrl: string | undefined;
  workspace: string | undefined;
  customHeaders: Record<string, string>;
};

const missing =
  'There is no Anthropic credential. Set ANTHROPIC_API_KEY in the environment (for an MCP client: in its `env` block, and ' +
  'restart it), or try the product without a key: submit_batch with `sandbox: true`.';

/**
 * Reads the SDK's variables; empty ones and placeholders that the client did not fill in count as unset. Given values
 * take precedence, and with a given key no other credential is used.
 */
export function readSdkSettings(
  env: Environment,
  given: { apiKey?: string; baseUrl?: string } = {},
): SdkSettings {
  const read = (name: string, isUnfilled = (value: string) => placeholderIn(value) !== undefined) => {
    const value = plainValue(env[name] ?? '');
    return value === '' || isUnfilled(value) ? undefined : value;
  };
  const alone = given.apiKey !== undefined;
  return {
    key: given.apiKey ?? read('ANTHROPIC_API_KEY', isPlaceholder),
    token: alone ? undefined : read('ANTHROPIC_AUTH_TOKEN', isPlaceholder),
    baseUrl: given.baseUrl ?? read('ANTHROPIC_BASE_URL'),
    workspace: read('ANTHROPIC_WORKSPACE_ID'),
    customHeaders: alone ? {} : parseCustomHeaders(env),
  };
}

/**
 * Default headers that leave a client with this key and without ANTHROPIC_CUSTOM_HEADERS, which the SDK adds to every
 * client: null removes a header again.
 */
export function onlyThisKey(env: Environment, apiKey: string): Record<string, string | null> {
  const taken = Object.keys(parseCustomHeaders(env)).map((name) => [name, null]);
  return { ...Object.fromEntries(taken), authorization: `Bearer ${apiKey}` };
}

const parseCustomHeaders = (env: Environment) => parseHeaderLines(env.ANTHROPIC_CUSTOM_HEADERS ?? '');

/**
 * The credential that the SDK would use with these settings, found without an API call.
 * Throws `no_credentials` if there is none, or one that can't be sent.
 */
export async function findCredential(
  settings: SdkSettings,
  loadProfile: () => Promise<Profile | null>,
): Promise<Credential> {
  const header = settings.customHeaders.authorization ?? settings.customHeaders['x-api-key'];
  if (header !== undefined) return { kind: 'header', secret: sendable(header, 'ANTHROPIC_CUSTOM_HEADERS') };
  if (settings.key !== undefined) {
    return { kind: 'key', secret: sendable(settings.key, 'ANTHROPIC_API_KEY') };
  }
  if (settings.token !== undefined) {
    return { kind: 'token', secret: sendable(settings.token, 'ANTHROPIC_AUTH_TOKEN') };
  }
  const profile = await loadProfile().catch((cause: unknown) => {
    throw new BatchError(
      'no_credentials',
      `The Anthropic profile could not be read. Repair it or set ANTHROPIC_API_KEY, then restart the client.`,
      { cause },
    );
  });
  if (profile === null) throw new BatchError('no_credentials', missing);
  return { kind: 'profile', profile };
}

/** Refuses such a key here, because fetch would quote the whole header value in its error. */
function sendable(secret: string, variable: string): string {
  if (/^[\x20-\x7e]+$/.test(secret)) return secret;
  throw new BatchError(
    'no_credentials',
    `${variable} holds characters that no key has, such as typographic quotes or a line break. ` +
      'Copy the key again as plain text, and restart the client.',
  );
}

/** Distinguishes one credential from another for as long as it is in use. A secret that is only ever hashed. */
export function identity(credential: Credential): string {
  return credential.kind === 'profile' ? JSON.stringify(credential.profile) : credential.secret;
}

/** The secrets that must not be quoted from an answer, as a gateway or proxy may echo what it was sent. A profile's tokens are not known here. */
export function secretsOf(
  credential: Credential,
  { customHeaders }: Pick<SdkSettings, 'customHeaders'>,
): string[] {
  const own =
    credential.kind === 'profile'
      ? secretsOfRoute(credential.profile.base_url ?? '')
      : [credential.secret.replace(/^Bearer /i, '')];
  return [...own, ...secretsOfHeaders(customHeaders), ...secretsOfVariables(process.env)];
}

/** An address without the user name, password and query that a profile may have put into it, as addresses are stored and shown. */
export function withoutUser(address: string): string {
  if (!URL.canParse(address)) return address;
  const url = new URL(address);
  if (url.username + url.password + url.search + url.hash === '') return address;
  for (const part of ['username', 'password', 'search', 'hash'] as const) url[part] = '';
  return url.href;
}
