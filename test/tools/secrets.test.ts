import { expect, test } from 'vitest';
import { prompts, startApi } from '../api.ts';
import { apiError, errored, json, succeeded } from '../api-server.ts';
import { startServer } from '../harness.ts';

const key = 'a-secret-of-the-person';

test('a secret is taken out of what is said, and never out of ids, names or answers', async () => {
  const api = await startApi({
    key,
    endsAtOnce: true,
    results: ([first, second]) => [
      ...(first ? [succeeded(first, `{"message": "${key}"}`)] : []),
      ...(second ? [errored(second, 'invalid_request_error', `bad ${key}`)] : []),
    ],
  });
  const server = await startServer({ api });
  const work = { requests: prompts([key, 'other']), name: key };
  const { batch_id } = await server.ok('submit_batch', work);
  const { results, error_digest } = await server.ok('get_results', { batch_id });
  expect(results).toMatchObject([
    { task_id: key, text: `{"message": "${key}"}` },
    { task_id: 'other', error: { message: 'bad [key]' } },
  ]);
  expect(error_digest[0].message).toBe('bad [key]');
  expect((await server.ok('list_batches')).batches[0].name).toBe(key);

  api.override('create', json(400, apiError('invalid_request_error', `Your key ${key} is not right`)));
  const { warnings } = await server.ok('submit_batch', { requests: prompts(['x']) });
  expect(warnings.join(' ')).toContain('Your key [key] is not right');
});
