import { BatchError } from '../errors.ts';
import { address, type ValueType } from './define-setting.ts';

/** The address of a team's store, in the form that PostgreSQL's own programs take. */
export type StoreAddress = {
  /** Includes any user and password. */
  url: string;
  /** The schema of the tables. */
  schema: string;
  /** Host, database and schema, for messages. */
  place: string;
  /** The parts that must never be shown. */
  secrets: string[];
};

/** The schema of the tables if the address names none. */
export const DEFAULT_SCHEMA = 'batch_mcp';
/** PostgreSQL reserves information_schema and names that begin with pg_, and truncates longer names. */
const SCHEMA = /^(?!pg_|information_schema$)[a-z_][a-z0-9_]{0,62}$/;

const CHECKED = ['allow', 'prefer', 'require', 'verify-ca'];

const FORM =
  'an address such as postgres://host:5432/database with user:password@ before the host, ?schema=name for a schema other than ' +
  'batch_mcp (lower-case letters, digits and _, but not information_schema or pg_…), and special characters of the password as %24 for $';

/** Returns a valid name, which goes into SQL as it is; throws `invalid_input` for any other. */
export function checkedSchema(name: string): string {
  if (SCHEMA.test(name)) return name;
  throw new BatchError(
    'invalid_input',
    'This is not a valid name of a schema for the store. Valid: up to 63 lower-case letters, digits and _, no digit first, and neither information_schema nor pg_….',
  );
}

/** Undefined if it can't be used. The parameter `schema` is ours, all others are PostgreSQL's. */
function readAddress(text: string): StoreAddress | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^postgres(?:ql)?:$/.test(url.protocol)) return undefined;
  // Without a name PostgreSQL would use the database named after the user, which nobody intends.
  // An @ there follows a password with a slash that was not encoded, which would be shown as the host.
  if (!/^\/[^/@]+$/.test(url.pathname)) return undefined;
  const schema = url.searchParams.get('schema') ?? DEFAULT_SCHEMA;
  const password = decoded(url.password);
  if (!SCHEMA.test(schema) || password === undefined) return undefined;
  const parameters = ['password', 'sslpassword'].map((name) => url.searchParams.get(name) ?? '');
  const secrets = [password, url.password, ...parameters];
  url.searchParams.delete('schema');
  // With `pg` they all check the certificate unless told otherwise; it would warn about that at each start.
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
