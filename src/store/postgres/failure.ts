import { BatchError } from '../../errors.ts';

const GONE =
  'Start the database, or check the address in BATCH_MCP_STORE, then try again. Nothing new is sent meanwhile, and what was sent is ' +
  'looked after when it is back.';
const LOGIN = 'Check the user and the password in BATCH_MCP_STORE.';
const ROOM = 'Make room on its disk, then try again.';

/** By SQLSTATE (PostgreSQL's appendix A) or system error. */
const advice: Record<string, string> = {
  '28P01': LOGIN,
  '28000': LOGIN,
  '3D000': 'There is no such database: create it, or check its name in BATCH_MCP_STORE.',
  '42501':
    'The user may not do this: let it create a schema in the database, or give it the one that is there.',
  '25006': 'The database is read-only: name its primary in BATCH_MCP_STORE.',
  '53100': ROOM,
  '53200': 'It has no memory left: try again in a moment.',
  '22021':
    'What is written holds zero bytes, as a file does after a power cut: restore it where it comes from, or move it away, then try again.',
  '22P05': 'Its encoding must be UTF8: create the database with encoding UTF8.',
  '53300': 'It takes no more connections: raise max_connections, or run fewer servers.',
  '57014': 'It ends statements that soon (statement_timeout): give this user 30 seconds or more.',
  'no password': LOGIN,
  'no TLS': 'It encrypts no connections: take sslmode out of BATCH_MCP_STORE, or set TLS up on the server.',
  'pool ended': 'Keep the pool that the client was given open for as long as the client.',
  ENOENT: 'There is no such socket or certificate file: check the address in BATCH_MCP_STORE.',
};

const CERTIFICATE =
  "This computer does not trust the server's certificate, or it is of another host. Name the authority that signed it in " +
  'BATCH_MCP_STORE, as ?sslmode=verify-full&sslrootcert=/path, or its host as the certificate has it.';

/** OpenSSL's reasons, as Node gives them: X509_V_ERR_… without that prefix, and Node's own for a host name. */
const isOfCertificate = (code = '') => /CERT|^UNABLE_TO|SELF_SIGNED|^HOSTNAME_MISMATCH$/.test(code);

/** It is not there, or was stopped: no answer, a system error, and PostgreSQL's classes 08 and 57. */
const isGone = (code: string | undefined) => code === undefined || /^(?:E[A-Z]|08|57)/.test(code);

/** What is wrong with only what was to be read or written: PostgreSQL's classes 22 and XX. */
const isOfData = (code = '') => /^(?:22|XX)/.test(code);

/** What `pg` itself says, without a code. */
const said: readonly (readonly [RegExp, string])[] = [
  [/password must be/, 'no password'],
  [/does not support SSL/, 'no TLS'],
  [/pool after calling end/, 'pool ended'],
];

/** A string by which PostgreSQL or Node tells failures apart; what comes with it may quote values. */
function codeOf(error: unknown): string | undefined {
  // Node aggregates the failures of a host with several addresses.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error)) return undefined;
  if ('code' in first && typeof first.code === 'string') return first.code;
  return said.find(([words]) => words.test(first.message))?.[1];
}

/** What a query failed with, as `store_failed`. Its text and values are left out: they can hold content. */
export function databaseFailure(doing: string, place: string, error: unknown): BatchError {
  if (error instanceof BatchError) return error;
  const code = codeOf(error);
  const next =
    advice[code ?? ''] ??
    (isOfCertificate(code)
      ? CERTIFICATE
      : isGone(code)
        ? GONE
        : "PostgreSQL's log says more. Nothing new was sent.");
  const message = `Could not ${doing} in ${place} (${code ?? 'no answer'}). ${next}`;
  return new BatchError('store_failed', message, { cause: error, isOfStore: !isOfData(code) });
}
