import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import * as z from 'zod';
import { hasErrorCode } from '../errors.ts';

/** Identifies a process, even if a later one gets its number. */
export const processIdentity = z.object({
  host: z.string(),
  pid: z.int(),
  /** When the process started, in a form that is compared only for equality on the same host. */
  started: z.string(),
  nonce: z.string(),
});
export type ProcessIdentity = z.infer<typeof processIdentity>;

/** A start time that could not be determined: it proves nothing. */
const UNKNOWN = 'unknown';

type Seen = { alive: false } | { alive: true; started: string };

/** The result of `read`, or '' where this system has no such thing or withholds it. */
function orEmpty(read: () => string): string {
  try {
    return read().trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return '';
    throw error;
  }
}

/**
 * The host's name, and on Linux a mark of the machine and the pid namespace: two containers often share a
 * name and a data folder, but a process of one is never seen from the other, which must not pass for death.
 */
function findHost(): string {
  const machine = orEmpty(() => readFileSync('/etc/machine-id', 'utf8'));
  const namespace = orEmpty(() => readlinkSync('/proc/self/ns/pid'));
  if (machine === '' && namespace === '') return hostname();
  const mark = createHash('sha256').update(`${machine} ${namespace}`).digest('hex').slice(0, 12);
  return `${hostname()}#${mark}`;
}

/** proc(5): after the name in parentheses, which may hold anything, come field 3 (state) and, later, 22 (start). */
function seeOnLinux(pid: number): Seen {
  const stat = orEmpty(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, ticks] = [fields[0], fields[19]];
  // A zombie is dead, though its number stays taken until its parent looks.
  if (state === 'Z' || state === 'X') return { alive: false };
  const boot = orEmpty(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
  return { alive: true, started: ticks === undefined || boot === '' ? UNKNOWN : `${boot} ${ticks}` };
}

function seeElsewhere(pid: number): Seen {
  if (process.platform === 'win32') return { alive: true, started: UNKNOWN };
  const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
  const started = orEmpty(() =>
    execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env,
      timeout: 2_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  return { alive: true, started: started || UNKNOWN };
}

function see(pid: number): Seen {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (hasErrorCode(error, 'ESRCH')) return { alive: false };
    // EPERM: it lives, under another user.
    if (!hasErrorCode(error, 'EPERM')) throw error;
  }
  return process.platform === 'linux' ? seeOnLinux(pid) : seeElsewhere(pid);
}

let own: ProcessIdentity | undefined;

/** The identity of this process, determined once. */
export function thisProcess(): ProcessIdentity {
  if (own === undefined) {
    const seen = see(process.pid);
    own = {
      host: findHost(),
      pid: process.pid,
      started: seen.alive ? seen.started : UNKNOWN,
      nonce: randomUUID(),
    };
  }
  return own;
}

/**
 * Whether a process is dead beyond doubt: it ran on this host, and its number is free or belongs to one that
 * started at another time. False means only that nothing is proven.
 */
export function isProvenDead(identity: ProcessIdentity): boolean {
  const self = thisProcess();
  // 0 and negative numbers stand for groups of processes, and prove nothing about a single one.
  if (identity.host !== self.host || identity.nonce === self.nonce || identity.pid <= 0) return false;
  const seen = see(identity.pid);
  if (!seen.alive) return true;
  return seen.started !== UNKNOWN && identity.started !== UNKNOWN && seen.started !== identity.started;
}
