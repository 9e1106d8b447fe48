import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import * as z from 'zod';
import type { OauthConfig } from '../../../config/http-config.ts';
import { BatchError } from '../../../errors.ts';
import { fetchByHttp } from '../../../lib/http/http-fetch.ts';
import type { Log } from '../../../log.ts';
import { type Scope, scopes } from '../../../state/subject.ts';
import type { FindSubject } from './authenticate.ts';

/** Signatures by the provider's own key. A token signed with a shared secret, or not at all, proves nothing. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const CLOCK_SKEW_SECONDS = 60;
/** Keys are never fetched again sooner than this, not even for a token signed by an unknown key. */
const LEAST_PAUSE_MS = 30_000;
const KEYS_KEPT_MS = 10 * 60_000;
const DISCOVERY_MS = 10_000;

/** At most as long as OpenID Connect allows (Core, 2), and without characters that the store or a log would alter. */
const subjectName = z
  .string()
  .min(1)
  .max(255)
  .refine((sub) => sub.isWellFormed() && !/\p{Cc}/u.test(sub));

const metadata = z.looseObject({ issuer: z.string(), jwks_uri: z.url() });

/** The addresses at which an issuer may publish its metadata (RFC 8414, OpenID Connect Discovery). */
function metadataUrls(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/+$/, '');
  return [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ];
}

async function findKeysUrl(issuer: string): Promise<string> {
  const problems: string[] = [];
  for (const url of metadataUrls(issuer)) {
    try {
      const response = await fetchByHttp(url, {
        signal: AbortSignal.timeout(DISCOVERY_MS),
        redirect: 'error',
      });
      const found = metadata.safeParse(await response.json());
      if (response.ok && found.success && found.data.issuer === issuer) return found.data.jwks_uri;
      const whose = found.success ? `the metadata of another issuer, ${found.data.issuer}` : 'no metadata';
      problems.push(`${url} answers with ${whose}`);
    } catch (error) {
      problems.push(`${url} cannot be read (${error instanceof Error ? error.message : String(error)})`);
    }
  }
  throw new BatchError(
    'api_unreachable',
    `The keys of the identity provider are not found: ${problems.join('; ')}.`,
  );
}

type Claims = JWTPayload & { scope?: unknown; scp?: unknown };

/** A token's scopes, which providers write as one space-separated string or as a list. */
function scopesOf({ scope, scp }: Claims): Set<Scope> {
  const given = [scope, scp].flat().flatMap((each) => (typeof each === 'string' ? each.split(' ') : []));
  return new Set(scopes.filter((known) => given.includes(known)));
}

/**
 * Accepts tokens of an identity provider that are signed by a key it publishes, name the issuer and this server's audience,
 * and have not expired. The keys are fetched when first needed, cached, and fetched again when a token is signed by
 * another.
 */
export function createOauth({ issuer, audience, keysUrl }: OauthConfig, log: Log): FindSubject {
  let keys: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined;

  function keysOfProvider() {
    keys ??= (async () => {
      const url = keysUrl ?? (await findKeysUrl(issuer));
      return createRemoteJWKSet(new URL(url), {
        cooldownDuration: LEAST_PAUSE_MS,
        cacheMaxAge: KEYS_KEPT_MS,
        timeoutDuration: DISCOVERY_MS,
        // Our fetch uses the configured proxy and follows no redirects.
        [customFetch]: (address, init) => fetchByHttp(address, init),
      });
    })().catch((error: unknown) => {
      keys = undefined;
      throw error;
    });
    return keys;
  }

  return async (token) => {
    // Not a JWT: another way may know it.
    if (token.split('.').length !== 3) return null;
    try {
      const claims = await verified(token, await keysOfProvider(), {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_SKEW_SECONDS,
        requiredClaims: ['sub', 'exp'],
      });
      const sub = subjectName.safeParse(claims.sub);
      return sub.success
        ? { name: sub.data, scopes: scopesOf(claims) }
        : { problem: 'its claim sub names nobody' };
    } catch (error) {
      const problem = problemOf(error);
      if (problem === null) {
        log('error', error instanceof Error ? error.message : String(error));
        return 'later';
      }
      return { problem };
    }
  };
}

/** The claims of a token once a key has verified it. If it names no key, or several keys match, each is tried. */
async function verified(
  token: string,
  keys: ReturnType<typeof createRemoteJWKSet>,
  options: JWTVerifyOptions,
): Promise<Claims> {
  try {
    return (await jwtVerify<Claims>(token, keys, options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      try {
        return (await jwtVerify<Claims>(token, key, options)).payload;
      } catch (failure) {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

/** What is wrong with a token, in words; null if it could not be checked. Quotes nothing from the token. */
function problemOf(error: unknown): string | null {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed)
    return `its claim ${error.claim} is not what it must be`;
  if (error instanceof errors.JOSEAlgNotAllowed) return 'it is not signed in a way that counts';
  if (error instanceof errors.JWKSNoMatchingKey) return 'it is signed by no key of the identity provider';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature is wrong';
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return null;
  if (error instanceof errors.JOSEError && error.code !== 'ERR_JOSE_GENERIC') return 'it cannot be read';
  return null;
}
