/** Native requests in, native results out. Run it with: npx tsx examples/provider.ts --sandbox */
import { AnthropicBatchProvider } from 'batch-mcp';

const provider = new AnthropicBatchProvider({ flags: process.argv.slice(2) });

const batchId = await provider.createBatch([
  {
    custom_id: 'task_1',
    params: {
      model: 'claude-sonnet-5-5',
      messages: [{ role: 'user', content: 'Analyze this log: ERROR: Connection failed' }],
      max_tokens: 4096,
    },
  },
]);
console.log(`Batch created: ${batchId}`);

const results = await provider.waitForBatch(batchId, { pollInterval: 300, timeout: 86_400 });
for (const { custom_id, result } of results) {
  if (result.type === 'succeeded') {
    const { content, usage } = result.message;
    console.log(`${custom_id}: ${content.map(({ text = '' }) => text).join('')}`);
    console.log(`  Tokens: ${usage.input_tokens} in, ${usage.output_tokens} out`);
  } else if (result.type === 'errored') {
    console.log(`${custom_id}: Error - ${result.error.error.message}`);
  } else {
    // Expired, canceled or missing: a later submission of it can succeed.
    console.log(`${custom_id}: ${result.type}`);
  }
}

const status = await provider.getBatchStatus(batchId);
const dollars = 'cost_usd' in status ? status.cost_usd?.actual : null;
const succeeded = results.filter(({ result }) => result.type === 'succeeded').length;
console.log(`${succeeded} of ${results.length} succeeded, for ${dollars} dollars`);
await provider.close();
