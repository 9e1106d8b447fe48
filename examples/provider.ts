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
for (const { custom_id, result } of results) console.log(`${custom_id}: ${result.type}`);
await provider.close();
