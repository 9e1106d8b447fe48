import { describe, expect, test } from 'vitest';
import { startServer } from '../harness.ts';

const tasks = [{ task_id: 'a', prompt: 'Hi' }];
const any = 'batch_01JD000000000000000000000Z';

/** What agents try, and the word that they get back. */
const keys: [tool: string, ...guesses: [guess: string, value: unknown, meant: string][]][] = [
  [
    'submit_batch',
    ['tasks', tasks, 'requests'],
    ['prompts', ['Hi'], 'requests'],
    ['items', tasks, 'requests'],
    ['inputs', ['Hi'], 'requests'],
    ['messages', tasks, 'requests'],
    ['jobs', tasks, 'requests'],
    ['file', 'a.jsonl', 'requests_file'],
    ['path', 'a.jsonl', 'requests_file'],
    ['file_path', 'a.jsonl', 'requests_file'],
    ['input_file', 'a.json', 'requests_file'],
    ['filename', 'a.json', 'requests_file'],
    ['requestsFile', 'a.json', 'requests_file'],
    ['jsonl', 'a.jsonl', 'requests_file'],
    ['file', 'a.csv', 'rows_file'],
    ['path', 'a.TSV', 'rows_file'],
    ['file', 'lines.txt', 'rows_file'],
    ['file', 'a.pdf', 'input_files'],
    ['path', 'src', 'input_files'],
    ['path', 'src/', 'input_files'],
    ['source', 'src/**/*.ts', 'input_files'],
    ['file', ['a.csv'], 'rows_file'],
    ['csv', 'a.csv', 'rows_file'],
    ['csv', 'feed.json', 'rows_file'],
    ['csv', 'tickets/*.txt', 'input_files'],
    ['folder', 'tickets/', 'input_files'],
    ['folder', 'tickets/all.csv', 'rows_file'],
    ['folder', 'tickets/all.jsonl', 'requests_file'],
    ['glob', '*.csv', 'input_files'],
    ['glob', 'all.csv', 'rows_file'],
    ['files', ['a.md', 'b.md'], 'input_files'],
    ['directory', 'photos', 'input_files'],
    ['type', 'classify_bulk', 'task_type'],
    ['template', 'classify_bulk', 'task_type'],
    ['instructions', 'Be kind', 'prompt'],
    ['user_prompt', 'Be kind', 'prompt'],
    ['variables', { a: 1 }, 'input_data'],
    ['data_context', 1, 'input_data'],
    ['system_prompt', 'Be kind', 'system'],
    ['system_message', 'Be kind', 'system'],
    ['tier', 'cheap', 'model_tier'],
    ['quality', 'cheap', 'model_tier'],
    ['model_name', 'claude-haiku-5-5', 'model'],
    ['model_id', 'claude-haiku-5-5', 'model'],
    ['maxTokens', 5, 'max_tokens'],
    ['max_output_tokens', 5, 'max_tokens'],
    ['schema', {}, 'output_schema'],
    ['json_schema', {}, 'output_schema'],
    ['response_format', {}, 'output_schema'],
    ['limit', 5, 'max_tasks'],
    ['first', 5, 'max_tasks'],
    ['sample', 5, 'max_tasks'],
    ['title', 'x', 'name'],
    ['batch_name', 'x', 'name'],
    ['output', 'a.csv', 'output_file'],
    ['output_path', 'a.csv', 'output_file'],
    ['save_to', 'a.csv', 'output_file'],
    ['results_file', 'a.csv', 'output_file'],
    ['max_cost', 5, 'max_cost_usd'],
    ['budget', 5, 'max_cost_usd'],
    ['cost_limit', 5, 'max_cost_usd'],
    ['force', true, 'force_new'],
    ['resubmit', true, 'force_new'],
    ['mock', true, 'sandbox'],
    ['test_mode', true, 'sandbox'],
    ['dry_run', true, 'estimate_cost'],
    ['preview', true, 'estimate_cost'],
    ['temperature', 0, 'custom_id, params'],
    ['wait', true, 'batch_status'],
    ['webhook_url', 'x', 'requests_file'],
  ],
  [
    'batch_status',
    ['id', any, 'batch_id'],
    ['batch', any, 'batch_id'],
    ['batchId', any, 'batch_id'],
    ['job_id', any, 'batch_id'],
    ['message_batch_id', any, 'batch_id'],
    ['wait', 5, 'wait_seconds'],
    ['timeout', 5, 'wait_seconds'],
    ['timeout_seconds', 5, 'wait_seconds'],
  ],
  [
    'get_results',
    ['id', any, 'batch_id'],
    ['ids', ['a'], 'task_ids'],
    ['task_id', 'a', 'task_ids'],
    ['custom_ids', ['a'], 'task_ids'],
    ['status', 'failed', 'outcomes'],
    ['filter', 'failed', 'outcomes'],
    ['only_failed', true, 'outcomes'],
    ['page', 2, 'cursor'],
    ['offset', 50, 'cursor'],
    ['next_cursor', 'x', 'cursor'],
    ['page_size', 50, 'limit'],
    ['count', 50, 'limit'],
    ['verbose', true, 'detail'],
    ['format', 'csv', 'output_file'],
    ['file', 'a.csv', 'output_file'],
    ['output', 'a.csv', 'output_file'],
    ['output_dir', 'out', 'output_file'],
    ['replace', true, 'overwrite'],
    ['force', true, 'overwrite'],
  ],
  [
    'list_batches',
    ['status', 'ended', 'processing_status'],
    ['state', 'ended', 'processing_status'],
    ['name', 'x', 'name_contains'],
    ['query', 'x', 'name_contains'],
    ['search', 'x', 'name_contains'],
    ['from', '2026-11-01', 'since'],
    ['created_after', '2026-11-01', 'since'],
    ['start_date', '2026-11-01', 'since'],
    ['to', '2026-11-01', 'until'],
    ['before', '2026-11-01', 'until'],
    ['group', 'model', 'group_by'],
    ['groupBy', 'model', 'group_by'],
    ['max', 5, 'limit'],
    ['page', 2, 'cursor'],
    ['remote', true, 'include_remote'],
  ],
  [
    'retry_batch',
    ['id', any, 'batch_id'],
    ['ids', ['a'], 'task_ids'],
    ['tasks', tasks, 'requests'],
    ['corrections', tasks, 'requests'],
    ['status', 'failed', 'outcomes'],
    ['errors', ['x'], 'error_types'],
    ['error_type', 'x', 'error_types'],
    ['tier', 'cheap', 'model_tier'],
    ['drop_params', ['x'], 'remove_params'],
    ['remove', ['x'], 'remove_params'],
    ['preview', true, 'dry_run'],
    ['max_cost', 5, 'max_cost_usd'],
    ['decision', 'send_again', 'resolve'],
  ],
  [
    'estimate_cost',
    ['count', 5, 'request_count'],
    ['num_requests', 5, 'request_count'],
    ['input_tokens', 5, 'input_tokens_per_request'],
    ['prompt_tokens', 5, 'input_tokens_per_request'],
    ['output_tokens', 5, 'output_tokens_per_request'],
    ['completion_tokens', 5, 'output_tokens_per_request'],
    ['tier', 'cheap', 'model_tier'],
  ],
  ['cancel_batch', ['id', any, 'batch_id'], ['batchId', any, 'batch_id']],
];

describe.each(keys)('%s', (tool, ...guesses) => {
  test('gives the right word back for a guess that is nearly right', async () => {
    const server = await startServer();
    const said = await Promise.all(
      guesses.map(async ([guess, value]) => [guess, await server.fails(tool, { [guess]: value })] as const),
    );
    const texts = new Map(said);
    for (const [guess, , meant] of guesses) {
      const line = texts
        .get(guess)
        ?.split('\n')
        .find((each) => each.startsWith(`- ${guess}: unknown key`));
      expect(line, guess).toContain(meant);
    }
  });
});

test('a table is not taken for a file of tasks where tables are taken', async () => {
  const { meantKey } = await import('../../src/tasks/guesses.ts');
  const known = ['requests', 'requests_file', 'rows_file'];
  expect(meantKey('file', known, 'a.csv')).toBe('rows_file');
  expect(meantKey('path', known, 'a.TSV')).toBe('rows_file');
  expect(meantKey('file', known, 'a.jsonl')).toBe('requests_file');
  expect(meantKey('csv', known, 'a.csv')).toBe('rows_file');
  expect(meantKey('csv', ['requests_file'], 'a.csv')).toBe('requests_file');
});

test.each([
  ['submit_batch', { requests: tasks, model_tier: 'best' }, 'premium'],
  ['submit_batch', { requests: tasks, model_tier: 'fast' }, 'cheap'],
  ['submit_batch', { requests: tasks, model_tier: 'Cheap' }, 'cheap'],
  ['submit_batch', { requests: [{ ...tasks[0], model_tier: 'sonnet' }] }, 'capable'],
  ['get_results', { batch_id: any, outcomes: ['failure'] }, 'failed'],
  ['get_results', { batch_id: any, outcomes: ['success'] }, 'succeeded'],
  ['get_results', { batch_id: any, outcomes: ['cancelled'] }, 'canceled'],
  ['get_results', { batch_id: any, detail: 'all' }, 'full'],
  ['get_results', { batch_id: any, detail: 'verbose' }, 'full'],
  ['list_batches', { processing_status: 'done' }, 'ended'],
  ['list_batches', { processing_status: 'completed' }, 'ended'],
  ['list_batches', { processing_status: 'running' }, 'in_progress'],
  ['list_batches', { group_by: 'models' }, 'model'],
  ['list_batches', { group_by: 'date' }, 'day'],
])('%s: a value of %o is answered with the right one', async (tool, args, meant) => {
  const server = await startServer({ argv: ['--sandbox'] });
  expect(await server.fails(tool, args)).toContain(`did you mean "${meant}"?`);
});

test.each([
  ['id', 'task_id'],
  ['text', 'prompt'],
  ['question', 'prompt'],
  ['input', 'input_data'],
  ['type', 'task_type'],
  ['tier', 'model_tier'],
  ['schema', 'output_schema'],
  ['system_prompt', 'system'],
  ['temperature', 'custom_id, params'],
])('the key %s of a task is answered with %s', async (guess, meant) => {
  const server = await startServer({ argv: ['--sandbox'] });
  const text = await server.fails('submit_batch', {
    requests: [{ task_id: 'a', prompt: 'Hi', [guess]: 'x' }],
  });
  expect(text).toContain(`${guess}: unknown key`);
  expect(text.split('\n').find((line) => line.includes(`${guess}: unknown key`))).toContain(meant);
});
