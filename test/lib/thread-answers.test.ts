import { expect, test } from 'vitest';
import { BatchError } from '../../src/errors.ts';
import { startThread } from '../../src/lib/thread.ts';
import { answerOf } from '../../src/lib/thread-answers.ts';

function run(what: string, progress: number[] = []): Promise<{ done: string }> {
  const thread = startThread({ name: 'answering-thread', from: import.meta.url }, what);
  return answerOf<{ done: string }>(thread, (done) => progress.push(done));
}

test('a thread gives what it has worked out, and how far it is', async () => {
  const progress: number[] = [];
  expect(await run('work', progress)).toEqual({ done: 'work' });
  expect(progress).toEqual([7]);
});

test('its BatchError comes out as one', async () => {
  const error: unknown = await run('refuse').catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(BatchError);
  expect(error).toMatchObject({
    code: 'store_failed',
    message: 'The disk is full.',
    problems: [{ problem: 'no room' }],
  });
});

test.each([
  ['throw', /a mistake/],
  ['exit', /stopped/],
])('one that ends without an answer is an internal error: %s', async (what, reason) => {
  await expect(run(what)).rejects.toMatchObject({ code: 'internal', message: expect.stringMatching(reason) });
});
