import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { flushWhenIdle } from '../../src/lib/flush-when-idle.ts';

/** A writer whose disk takes `ms` for each flush, or refuses the first one. */
function slowWriter(ms: number, failure?: Error) {
  const writer = {
    begun: 0,
    done: 0,
    async flush() {
      writer.begun += 1;
      expect(writer.begun - writer.done).toBe(1);
      await sleep(ms);
      if (failure && writer.begun === 1) throw failure;
      writer.done += 1;
    },
  };
  return writer;
}

function start(writer: ReturnType<typeof slowWriter>) {
  let told = 0;
  const idle = flushWhenIdle(writer, () => (told += 1), 5);
  onTestFinished(() => idle.end());
  return { idle, told: () => told };
}

test('a slow flush is waited for before the next one, and before more is written', async () => {
  const writer = slowWriter(40);
  const { idle, told } = start(writer);
  await expect.poll(() => writer.begun).toBe(1);
  await idle.resume();
  expect(writer.done).toBe(writer.begun);
  expect(told()).toBe(writer.done);
  const { begun } = writer;
  await sleep(30);
  expect(writer.begun).toBe(begun);
  idle.pause();
  await expect.poll(() => writer.begun).toBe(begun + 1);
});

test('a flush that failed is told to who writes on, and none follows', async () => {
  const writer = slowWriter(5, new Error('ENOSPC'));
  const { idle, told } = start(writer);
  await expect.poll(() => writer.begun).toBe(1);
  await expect(idle.resume()).rejects.toThrow('ENOSPC');
  expect(writer.begun).toBe(1);
  expect(told()).toBe(0);
});
