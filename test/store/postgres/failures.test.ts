import { expect, test } from 'vitest';
import { anyRow, openDatabase } from '../../../src/store/postgres/database.ts';
import { migrations } from '../../../src/store/postgres/migrations.ts';

/** A database with its tables, in which a statement fails so many times as PostgreSQL or the system fails with that code, or `pg` with words. */
function failing(code: string, times = Number.POSITIVE_INFINITY, words?: string) {
  let left = times;
  let asked = 0;
  const client = {
    async query(text: string) {
      if (text.includes('.migration')) return { rows: [{ number: migrations.length, needed: 1 }] };
      if (text.includes('server_encoding')) return { rows: [{ encoding: 'UTF8' }] };
      asked += 1;
      left -= 1;
      if (left >= 0)
        throw words ? new Error(words) : Object.assign(new Error('a password, perhaps'), { code });
      return { rows: [{}] };
    },
  };
  return { db: openDatabase({ client, schema: 'batch_mcp', place: 'the place' }), asked: () => asked };
}

test.for<[code: string, says: string]>([
  ['57014', 'statement_timeout'],
  ['25006', 'primary'],
  ['57P01', 'Start the database'],
  ['22021', 'zero bytes'],
  ['ECONNREFUSED', 'Start the database'],
  ['ENOENT', 'no such socket or certificate file'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'sslrootcert'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'sslrootcert'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'sslrootcert'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'sslrootcert'],
  ['CERT_HAS_EXPIRED', 'certificate'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate'],
])('%s is told once, with what to do', async ([code, says]) => {
  const { db, asked } = failing(code);
  const failed = await db.query('look', 'select 1', [], anyRow).catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: 'store_failed', message: expect.stringContaining(says) });
  expect(String(failed)).not.toContain('password, perhaps');
  expect(asked()).toBe(1);
});

test.for<[words: string, says: string]>([
  ['The server does not support SSL connections', '(no TLS). It encrypts no connections: take sslmode out'],
  ['SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string', '(no password). Check the user'],
  [
    'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a non-empty string',
    '(no password). Check the user',
  ],
  ['Cannot use a pool after calling end on the pool', '(pool ended). Keep the pool'],
  ['Query read timeout', '(no answer). Start the database'],
])('"%s", which has no code, is told with what to do', async ([words, says]) => {
  const { db } = failing('', undefined, words);
  await expect(db.query('look', 'select 1', [], anyRow)).rejects.toMatchObject({
    code: 'store_failed',
    message: expect.stringContaining(says),
  });
});

test.for(['40001', '40P01', '55P03', '53300', '57P05'])(
  '%s, of a statement that did nothing because of others, is tried again',
  async (code) => {
    const { db, asked } = failing(code, 2);
    expect(await db.query('look', 'select 1', [], anyRow)).toEqual([{}]);
    expect(asked()).toBe(3);
  },
);
