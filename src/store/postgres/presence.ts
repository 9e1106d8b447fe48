import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { BatchError } from '../../errors.ts';
import { startClock } from '../../lib/time.ts';
import type { Presence } from '../presence.ts';
import { isProvenDead, type ProcessIdentity, thisProcess } from '../process-identity.ts';
import { anyRow, type Database } from './database.ts';

/** Others wait this many times as long as a process keeps sending without news: its last bytes are out by then. */
const GONE_AFTER = 3;
const BEATS = 4;
/** Nobody waits longer for a goodbye. */
const GOODBYE_MS = 1_000;

/** Reports that a process is alive, unless it is taken for dead already. */
const BEAT = `
  insert into @.process as p (nonce) values ($1)
  on conflict (nonce) do update set seen_at = now()
  where not p.ended and p.seen_at > now() - $2 * interval '1 millisecond'
  returning nonce`;

const GONE = `
  select nonce from @.process
  where nonce = any($1::text[]) and (ended or seen_at <= now() - $2 * interval '1 millisecond')`;

const nonceRow = z.object({ nonce: z.string() });

/** Presence as a table: a row for each process, with the time of its last news by the database's clock. */
export function createDatabasePresence(
  db: Database,
  aliveMs: number,
  log: (message: string) => void,
): Presence & { close(): Promise<void> } {
  const goneMs = GONE_AFTER * aliveMs;
  const gone = new Set<string>();
  let self: ProcessIdentity = { ...thisProcess(), nonce: randomUUID() };
  let sinceNews = () => Number.POSITIVE_INFINITY;
  let beating: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  async function beat(): Promise<void> {
    for (;;) {
      const elapsed = startClock();
      const rows = await db.query('register this process', BEAT, [self.nonce, goneMs], nonceRow);
      if (rows.length === 1) {
        if (!isClosed) sinceNews = elapsed;
        return;
      }
      log(
        'this process was out of touch with the database for too long: others go on with what it had begun',
      );
      self = { ...self, nonce: randomUUID() };
    }
  }

  function beatOnce(): Promise<void> {
    beating ??= beat().finally(() => {
      beating = undefined;
    });
    return beating;
  }

  /** A failure is reported by whatever else needs the database. */
  function keepBeating(): void {
    timer ??= setInterval(() => void beatOnce().catch(() => {}), aliveMs / BEATS).unref();
  }

  const holds = (identity: ProcessIdentity) => identity.nonce === self.nonce && sinceNews() < aliveMs;

  return {
    self: () => self,
    holds,
    findsAll: true,
    patienceMs: goneMs,

    async enter() {
      if (holds(self) || isClosed) return;
      keepBeating();
      await beatOnce();
    },

    async learn(identities) {
      const unknown = identities
        .map(({ nonce }) => nonce)
        .filter((nonce) => nonce !== self.nonce && !gone.has(nonce));
      if (unknown.length === 0) return;
      const found = await db.query('look who lives', GONE, [unknown, goneMs], nonceRow);
      for (const { nonce } of found) gone.add(nonce);
    },

    isGone: (identity) => gone.has(identity.nonce) || isProvenDead(identity),

    async close() {
      isClosed = true;
      clearInterval(timer);
      const isKnown = sinceNews() < aliveMs;
      sinceNews = () => Number.POSITIVE_INFINITY;
      if (!isKnown) return;
      const text = 'update @.process set ended = true where nonce = $1';
      const said = db.query('say goodbye', text, [self.nonce], anyRow).catch((error: unknown) => {
        if (!(error instanceof BatchError)) throw error;
      });
      await Promise.race([said, new Promise((resolve) => setTimeout(resolve, GOODBYE_MS).unref())]);
    },
  };
}
