import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createRegister } from '../../../src/store/files/register.ts';
import { bundleForTests } from '../../bundle.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

const WORKERS = 4;
const CHANGES = 200;
const worker = bundleForTests(join(import.meta.dirname, 'register-worker.ts'));

/** Runs one worker from its `first` change; gives back how many are acknowledged in all when it has ended. */
function run(data: string, name: string, first: number, onStart: (child: ChildProcess) => void) {
  return new Promise<{ acknowledged: number; problem: string }>((resolve, reject) => {
    const folders = [join(data, 'register'), join(data, 'tmp')];
    const args = [worker.path, ...folders, name, String(first), String(CHANGES)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let acknowledged = first;
    let problem = '';
    child.stdout.on('data', (chunk: Buffer) => {
      acknowledged += chunk.toString().split('\n').length - 1;
    });
    child.stderr.on('data', (chunk: Buffer) => {
      problem += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', () => resolve({ acknowledged, problem }));
    onStart(child);
  });
}

/** Runs a worker, again after each death, until all its changes are acknowledged. Gives how often it started. */
async function runToTheEnd(data: string, name: string, onStart: (child: ChildProcess) => void) {
  let starts = 0;
  for (let done = 0; done < CHANGES; starts += 1) {
    const { acknowledged, problem } = await run(data, name, done, onStart);
    expect(problem).toBe('');
    done = acknowledged;
  }
  return starts;
}

async function expectNothingLost(data: string): Promise<void> {
  const schema = z.array(z.string());
  const register = createRegister({ folder: join(data, 'register'), temporary: join(data, 'tmp'), schema });
  const all = Array.from({ length: WORKERS }, (_, w) =>
    Array.from({ length: CHANGES }, (_, i) => `worker${w}-${i}`),
  ).flat();
  expect((await register.read())?.toSorted()).toEqual(all.toSorted());
  const history = await register.history();
  expect(history.map(({ number }) => number)).toEqual(all.map((_, i) => i + 1));
  // Each revision is the one before it and one change more: none was made on something stale.
  history.forEach(({ value }, i) => {
    expect(value.length).toBe(i + 1);
    expect(value.slice(0, -1)).toEqual(history[i - 1]?.value ?? []);
  });
}

const names = Array.from({ length: WORKERS }, (_, w) => `worker${w}`);

describe('a register shared by processes', () => {
  it('loses nothing of 4 processes making 200 changes each', async () => {
    const data = await temporaryFolder();
    const starts = await Promise.all(names.map((name) => runToTheEnd(data, name, () => {})));
    expect(starts).toEqual([1, 1, 1, 1]);
    await expectNothingLost(data);
  });

  it('loses nothing acknowledged when they are killed at any moment', async () => {
    const data = await temporaryFolder();
    /** Three times each, at a moment of its own in the middle of its work. */
    const killer = () => {
      let lives = 3;
      return (child: ChildProcess) => {
        if (lives === 0) return;
        lives -= 1;
        let left = 1 + Math.floor(Math.random() * 40);
        child.stdout?.on('data', (chunk: Buffer) => {
          left -= chunk.toString().split('\n').length - 1;
          if (left <= 0) setTimeout(() => child.kill('SIGKILL'), Math.random() * 5);
        });
      };
    };
    const starts = await Promise.all(names.map((name) => runToTheEnd(data, name, killer())));
    expect(starts).toEqual([4, 4, 4, 4]);
    await expectNothingLost(data);
  });
});
