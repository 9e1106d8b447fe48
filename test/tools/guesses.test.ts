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
    ['file', 'book.ods', 'rows_file'],
    ['csv', 'a.csv.gz', 'rows_file'],
    ['file', 'a.parquet', 'rows_file'],
    ['file', ' a.csv ', 'rows_file'],
    ['file', 'a.jsonl.gz', 'requests_file'],
    ['csv', 'id,text\n1,a', 'rows_file'],
    ['csv', [['id'], ['1']], 'requests'],
    ['folder', any, 'from_batch'],
    ['file', 'msgbatch_1', 'from_batch'],
    ['data', 'a.csv', 'rows_file'],
    ['inputs', 'photos/', 'input_files'],
    ['tasks', 'a.jsonl', 'requests_file'],
    ['items', 'Say hello.', 'requests'],
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
    ['wait_for_completion', true, 'batch_status'],
    ['poll_interval', 5, 'batch_status'],
    ['webhook_url', 'x', 'requests_file'],
    ['categories', ['a', 'b'], 'labels'],
    ['classes', ['a', 'b'], 'labels'],
    ['options', ['a', 'b'], 'labels'],
    ['max_retries', 2, 'retries'],
    ['retry', 2, 'retries'],
    ['reasoning_effort', 'low', 'effort'],
    ['reasoning', 'low', 'effort'],
    ['thinking', true, 'effort'],
    ['thinking_budget', 1024, 'effort'],
    ['context', 'a.pdf', 'context_files'],
    ['context_file', 'a.pdf', 'context_files'],
    ['attachments', ['a.pdf'], 'context_files'],
    ['background', 'a.md', 'context_files'],
    ['chunk_size', 4000, 'split_chars'],
    ['max_chars', 4000, 'split_chars'],
    ['exclude', ['x'], 'input_files'],
    ['recursive', true, 'input_files'],
    ['id_field', 'id', 'id_column'],
    ['key_column', 'id', 'id_column'],
    ['lookup', 'b.csv', 'join_file'],
    ['previous_batch', any, 'from_batch'],
    ['batch_id', any, 'from_batch'],
    ['prompt_column', 'text', 'prompt'],
    ['json_mode', true, 'output_schema'],
    ['delimiter', ';', 'are detected'],
    ['encoding', 'latin1', 'are detected'],
    ['concurrency', 5, 'no such setting'],
    ['batch_size', 100, 'no such setting'],
    ['priority', 'high', 'no such setting'],
    ['completion_window', '24h', 'within 24 hours'],
    ['endpoint', '/v1/messages', 'no such setting'],
    ['stream', false, 'no such setting'],
    ['api_key', 'x', 'ANTHROPIC_API_KEY'],
    ['provider', 'anthropic', 'sandbox'],
    ['input_file_id', 'file_1', 'requests_file'],
    ['estimate_only', true, 'estimate_cost'],
    ['seed', 1, 'no such setting'],
    ['frequency_penalty', 0, 'no such setting'],
    ['betas', ['x'], 'BATCH_MCP_BETAS'],
    ['anthropic-version', '2023-06-01', 'BATCH_MCP_BETAS'],
    ['prompt_caching', true, 'context_files'],
    ['timeout_seconds', 5, 'batch_status'],
    ['on_complete', 'x', 'batch_status'],
    ['deadline', 'x', 'batch_status'],
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
    ['batch_ids', [any], 'batch_id'],
    ['provider_batch_id', any, 'batch_id'],
    ['verbose', true, 'get_results'],
    ['include_results', true, 'get_results'],
    ['detail', 'full', 'get_results'],
    ['task_id', 'a', 'get_results'],
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
    ['columns', ['a'], 'fields'],
    ['select', ['a'], 'fields'],
    ['random', 5, 'sample'],
    ['sort', 'asc', 'order of the tasks'],
    ['order_by', 'x', 'order of the tasks'],
    ['raw', true, '.raw.jsonl'],
    ['include_errors', true, 'outcomes'],
    ['include_raw', true, '.raw.jsonl'],
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
    ['days', 7, 'since'],
    ['last_days', 7, 'since'],
    ['active', true, 'processing_status'],
    ['sort', 'newest', 'newest first'],
    ['model', 'haiku', 'group_by'],
    ['task_type', 'x', 'group_by'],
    ['batch_id', any, 'batch_status'],
    ['total_cost', true, 'totals'],
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
    ['force', true, 'replace'],
    ['all', true, 'replace'],
    ['new_prompt', 'x', 'prompt'],
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
  [
    'cancel_batch',
    ['id', any, 'batch_id'],
    ['batchId', any, 'batch_id'],
    ['force', true, 'batch_id is all it takes'],
    ['confirm', true, 'batch_id is all it takes'],
    ['reason', 'x', 'batch_id is all it takes'],
  ],
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
  ['submit_batch', { requests: tasks, model_tier: 'claude-haiku-5-5' }, 'cheap'],
  ['submit_batch', { requests: tasks, model: 'claude-3-5-sonnet-20241022' }, 'claude-sonnet-5-5'],
  ['submit_batch', { requests: tasks, effort: 'minimal' }, 'low'],
  ['get_results', { batch_id: any, detail: true }, 'full'],
  ['get_results', { batch_id: any, detail: 'minimal' }, 'summary'],
  ['get_results', { batch_id: any, outcomes: 'errors' }, 'failed'],
  ['list_batches', { group_by: 'week' }, 'day'],
  ['submit_batch', { requests: tasks, model_tier: 'fast' }, 'cheap'],
  ['submit_batch', { requests: tasks, model_tier: 'chep' }, 'cheap'],
  ['submit_batch', { requests: [{ ...tasks[0], model_tier: 'sonnet' }] }, 'capable'],
  ['get_results', { batch_id: any, outcomes: ['failure'] }, 'failed'],
  ['get_results', { batch_id: any, outcomes: ['success'] }, 'succeeded'],
  ['get_results', { batch_id: any, outcomes: ['cancelld'] }, 'canceled'],
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

test('a tier in place of a model is told as such, and a table in place of tasks', async () => {
  const server = await startServer({ argv: ['--sandbox'] });
  expect(await server.fails('submit_batch', { requests: tasks, model: 'fast' })).toContain(
    'model_tier "cheap"',
  );
  const said = await server.fails('submit_batch', { requests_file: 'a.csv' });
  expect(said).toContain('a table (.csv, .tsv, .txt) goes into rows_file');
  const native = await server.fails('submit_batch', { requests: [{ custom_id: 'a', prompt: 'Hi' }] });
  expect(native).toContain('custom_id: unknown key (did you mean "task_id"?)');
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

test.each<[what: string, args: object, says: string]>([
  [
    'settings under a key',
    { requests: tasks, config: { model: 'haiku', max_tokens: 5 } },
    'given directly, not nested in it: model, max_tokens',
  ],
  [
    'a whole call under a key',
    { arguments: { requests: tasks } },
    'given directly, not nested in it: requests',
  ],
  [
    'an effort as the API has it',
    { requests: tasks, output_config: { effort: 'low' } },
    'use output_schema and effort instead',
  ],
  ['rows in the call', { rows: [{ id: 1, text: 'a' }], prompt: '{{text}}' }, 'did you mean "requests"?'],
  [
    'fields beside an id',
    { requests: [{ task_id: 'a', name: 'Jo' }], prompt: 'Hi {{name}}' },
    'what fills {{name}} goes into input_data',
  ],
  [
    'a text beside an id',
    { requests: [{ task_id: 'a', text: 'b' }], prompt: 'Sum up {{text}}' },
    'did you mean "prompt"? or: what fills {{text}} goes into input_data',
  ],
  [
    'labels as objects',
    { requests: tasks, labels: [{ name: 'a' }] },
    'labels: has entries of another type. Valid: a list, each entry a string; or a string',
  ],
  [
    'labels by name',
    { requests: tasks, labels: { a: 'b' } },
    'labels: is an object. Valid: a list, or a string',
  ],
  [
    'a switch for a size',
    { requests: tasks, pack: true },
    'pack: is a boolean. Valid: a number, or a string',
  ],
])('%s is answered with where it goes', async (_, args, says) => {
  const server = await startServer({ argv: ['--sandbox'] });
  expect(await server.fails('submit_batch', args)).toContain(says);
});
