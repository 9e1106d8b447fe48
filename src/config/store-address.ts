import { BatchError } from '../errors.ts';
import { address, type ValueType } from './define-setting.ts';

/** Where a team's store is, as PostgreSQL's own programs take it. */
export type StoreAddress = {
  /** With whatever user and password it holds. */
  url: string;
  /** What the tables stand in. */
  schema: string;
  /** Host, database and schema, for messages. */
  place: string;
  /** What of it must never be shown. */
  secrets: string[];
};

/** What the tables stand in where the address names nothing else. */
export const DEFAULT_SCHEMA = 'batch_mcp';
/** PostgreSQL keeps names that begin with pg_ for itself, and information_schema, and cuts longer ones. */
const SCHEMA = /^(?!pg_|information_schema$)[a-z_][a-z0-9_]{0,62}$/;

const CHECKED = ['allow', 'prefer', 'require', 'verify-ca'];

const FORM =
  'an address such as postgres://host:5432/database with user:password@ before the host, ?schema=name for another schema than ' +
  'batch_mcp (small letters, digits and _, but not information_schema or pg_…), and special characters of the password as %24 for $';

/** The name itself, which then stands in SQL; throws `invalid_input` for another. */
export function checkedSchema(name: string): string {
  if (SCHEMA.test(name)) return name;
  throw new BatchError(
    'invalid_input',
    'This is not a valid name of a schema for the store. Valid: up to 63 small letters, digits and _, no digit first, and neither information_schema nor pg_….',
  );
}

/** Undefined where it can't be used. `schema` is a parameter of ours, all others are PostgreSQL's. */
function readAddress(text: string): StoreAddress | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^postgres(?:ql)?:$/.test(url.protocol)) return undefined;
  // Without a name PostgreSQL takes the database that is called as the user is, which is nobody's choice.
  if (!/^\/[^/]+$/.test(url.pathname)) return undefined;
  const schema = url.searchParams.get('schema') ?? DEFAULT_SCHEMA;
  const password = decoded(url.password);
  if (!SCHEMA.test(schema) || password === undefined) return undefined;
  const parameters = ['password', 'sslpassword'].map((name) => url.searchParams.get(name) ?? '');
  const secrets = [password, url.password, ...parameters];
  url.searchParams.delete('schema');
  // With `pg` they all check the certificate, as long as it is not told to be weaker; it would say so at each start.
  if (CHECKED.includes(url.searchParams.get('sslmode') ?? '') && !url.searchParams.has('uselibpqcompat'))
    url.searchParams.set('sslmode', 'verify-full');
  return {
    url: url.href,
    schema,
    place: `postgres://${url.host}${url.pathname} (schema ${schema})`,
    secrets: [...new Set(secrets)].filter((secret) => secret !== ''),
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** A PostgreSQL database. */
export const storeAddress: ValueType<StoreAddress> = address(readAddress, FORM);
