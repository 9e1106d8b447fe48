/** A whole job in one call: submit, wait, read. Run it with: npx tsx examples/workflow.ts --sandbox */
import { BatchProcessingWorkflow, type BatchRequest } from 'batch-mcp';

// Without flags the key comes from ANTHROPIC_API_KEY, or from { apiKey }.
const workflow = new BatchProcessingWorkflow({ flags: process.argv.slice(2) });

const requests: BatchRequest[] = [
  {
    task_id: 'task_1',
    task_type: 'analyze_logs',
    input_data: { logs: 'ERROR: Connection failed' },
    model_tier: 'capable',
  },
  {
    task_id: 'task_2',
    task_type: 'generate_report',
    input_data: { data: 'Monthly metrics' },
    model_tier: 'cheap',
  },
];

const results = await workflow.executeBatch(requests, { pollInterval: 300, timeout: 86_400 });
for (const { task_id, success, output, error } of results) {
  if (success) {
    console.log(`${task_id}: Success`);
    console.log(`  Content: ${output?.content}`);
    console.log(`  Tokens: ${JSON.stringify(output?.usage)}`);
  } else console.log(`${task_id}: Failed - ${error}`);
}
await workflow.close();
