/** A program of somebody else's, compiled against the packed package with nothing else installed, not even Node's types. */
import {
  type Answer,
  AnthropicBatchProvider,
  BatchError,
  BatchProcessingWorkflow,
  type ClientWork,
  createBatchClient,
  createBatchServer,
  type ErrorCode,
  type ServerTransport,
} from 'batch-mcp';

const say = (..._facts: unknown[]) => {};

export async function everyOperation(signal: AbortSignal): Promise<void> {
  const client = await createBatchClient({ apiKey: 'key', env: {}, flags: ['--sandbox'] });
  const sources: ClientWork[] = [
    { requests: [{ task_id: 'a', prompt: 'Hello' }], model_tier: 'cheap' },
    { requests_file: 'tasks.jsonl', max_tasks: 10 },
    { rows_file: 'table.csv', id_column: 'id', prompt: '{{text}}', labels: ['good', 'bad'] },
    { input_files: ['src/**/*.ts', '!src/vendor/**'], task_type: 'generate_docs' },
  ];
  for (const work of sources) {
    const { cost_usd, compare, prices_as_of } = await client.estimate(work, {
      output_tokens_per_request: 20,
    });
    say(cost_usd.expected.toFixed(2), compare.length, prices_as_of.length);
    const submitted = await client.submit(work, { name: 'reviews', idempotency_key: 'nightly', signal });
    if ('request_count' in submitted) say(submitted.parts.length, submitted.cost_usd?.maximum);
    say(submitted.duplicate ? 'again' : 'new', submitted.next_step.length);
    const waited = await client.wait(submitted.batch_id, {
      pollInterval: 60,
      timeout: 86_400,
      onProgress: ({ stage, done, total }) => say(stage.length, done, total ?? 0),
    });
    if (waited.processing_status !== 'ended') continue;
    const page = await client.results(submitted.batch_id, {
      outcomes: ['failed'],
      limit: 20,
      detail: 'full',
    });
    for (const { task_id, outcome, text, usage } of page.results) say(task_id, outcome, text?.length, usage);
    for (const { type, count, retryable } of page.error_digest) say(type, count, retryable);
    say(page.totals.succeeded + page.totals.missing, page.next_cursor);
    if (page.totals.errored > 0) say((await client.retry(submitted.batch_id, { dry_run: true })).retry);
  }
  const { batches, totals, groups } = await client.list({ group_by: 'month', since: '7d' });
  say(
    batches.map(({ name, created_at }) => name + created_at),
    totals.actual_usd,
    groups?.[0]?.actual_usd,
  );
  const adopted = await client.adopt('msgbatch_01');
  say((await client.cancel(adopted.batch_id)).processing_status);
  const seen = await client.status(adopted.batch_id, { waitSeconds: 20 });
  if ('outcomes' in seen) say(seen.outcomes.succeeded, seen.request_counts.processing, seen.results_state);
  for await (const answer of client.answers(adopted.batch_id)) show(answer);
  for await (const { task_id, line } of client.resultLines(adopted.batch_id)) say(task_id, line?.length);
  await client.close();
}

function show({ task_id, outcome, text, json, stop_reason, error }: Answer): void {
  say(task_id, outcome satisfies string, text?.trim(), json, stop_reason, error?.message);
}

export async function theGuide(): Promise<void> {
  const workflow = new BatchProcessingWorkflow({ apiKey: 'key' });
  const results = await workflow.executeBatch(await workflow.loadRequestsFromFile('tasks.json'), {
    timeout: 60,
  });
  for (const { task_id, success, output } of results) say(task_id, success, output?.content.length);
  await workflow.saveResultsToFile(results, 'results.json');
  const provider = new AnthropicBatchProvider();
  const id = await provider.createBatch([{ custom_id: 'a', params: { model: 'claude-haiku-5-5' } }]);
  for (const { custom_id, result } of await provider.waitForBatch(id)) say(custom_id, result.type.length);
}

export async function ownTransport(transport: ServerTransport): Promise<void> {
  const server = await createBatchServer({ flags: ['--read-only'] });
  await server.connect(transport);
  await server.close();
}

export function codeOf(error: unknown): ErrorCode | null {
  if (!(error instanceof BatchError)) return null;
  for (const { field, problem, valid } of error.problems) say(field, problem, valid);
  return error.code;
}

// @ts-expect-error A misspelt argument is refused.
export const misspelt: ClientWork = { requests_file: 'tasks.jsonl', model_teir: 'cheap' };
// @ts-expect-error Work has a source.
export const without: ClientWork = { prompt: 'Hello' };
