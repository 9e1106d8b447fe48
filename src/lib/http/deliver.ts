import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { NotConnected } from './connection.ts';
import { fetchByHttp } from './http-fetch.ts';

/** Where messages go: a URL to post to, or a program to run. */
export type Target =
  | { kind: 'url'; url: string }
  | { kind: 'command'; command: string; args: readonly string[] };

/** Resolves a leading `~/` of a program's path, as no shell does it here. */
export function fromHome(target: Target, home: string | undefined): Target {
  if (target.kind !== 'command' || home === undefined || !target.command.startsWith('~/')) return target;
  return { ...target, command: path.join(home, target.command.slice(2)) };
}

/** The same facts for either target: a JSON document for a URL, variables for a program. */
export type Message = { json: object; env: Readonly<Record<string, string>> };

/** Delivers a message; returns why that failed, or null. The reason names neither the address nor a header: they are secrets. */
export type Deliver = (message: Message) => Promise<string | null>;

/** The longest that a delivery may take. */
export const DELIVERY_MS = 10_000;

export function createDelivery(
  target: Target,
  headers: Readonly<Record<string, string>> = {},
  ms = DELIVERY_MS,
): Deliver {
  return async (message) => {
    try {
      return await (target.kind === 'url'
        ? post(target.url, headers, ms, message)
        : run(target, ms, message));
    } catch (error) {
      return reasonOf(error, ms);
    }
  };
}

async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  ms: number,
  { json }: Message,
): Promise<string | null> {
  const sent = new Headers({ 'content-type': 'application/json' });
  // `set` replaces ours whatever the case of its name; two of the same name would be joined.
  for (const [name, value] of Object.entries(headers)) sent.set(name, value);
  const response = await fetchByHttp(url, {
    method: 'POST',
    headers: sent,
    body: JSON.stringify(json),
    signal: AbortSignal.timeout(ms),
  });
  await response.body?.cancel();
  return response.ok ? null : `answered with ${response.status}`;
}

/** A program that is notified has no business with keys or with our settings. */
const OURS = /^(?:ANTHROPIC|BATCH_MCP)_/i;

/** Why a program did not run, by error code. */
const notRun = new Map<unknown, string>([
  ['ENOENT', 'there is no such program (ENOENT)'],
  ['EACCES', 'it may not be run (EACCES)'],
  ['ENOEXEC', 'it is no program: does it lack a first line such as #!/bin/sh? (ENOEXEC)'],
]);

/** Runs a program and ignores its output: our stdout belongs to the client. */
function run(
  { command, args }: Extract<Target, { kind: 'command' }>,
  ms: number,
  { env }: Message,
): Promise<string | null> {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !OURS.test(name)));
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: 'ignore',
      windowsHide: true,
      env: { ...inherited, ...env },
      detached: hasGroups,
    });
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      end(child);
    }, ms);
    child.once('error', (error) => {
      clearTimeout(timer);
      const why = 'code' in error ? notRun.get(error.code) : undefined;
      if (why === undefined) reject(error);
      else resolve(why);
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      if (isLate) resolve(`did not end within ${ms / 1000} seconds`);
      else if (code === 0) resolve(null);
      else resolve(code === null ? `was ended by ${signal}` : `ended with code ${code}`);
    });
  });
}

const hasGroups = process.platform !== 'win32';

/** Kills a program and what it started: a script that hangs mostly hangs in one of its commands. */
function end(child: ChildProcess): void {
  try {
    if (hasGroups && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    else child.kill('SIGKILL');
  } catch {
    // It has just ended on its own.
  }
}

function reasonOf(error: unknown, ms: number): string {
  if (error instanceof NotConnected) return `no connection (${error.reason})`;
  if (!(error instanceof Error)) return 'failed';
  if (error.name === 'AbortError' || error.name === 'TimeoutError') {
    return `no answer within ${ms / 1000} seconds`;
  }
  return 'code' in error ? String(error.code) : error.message;
}
