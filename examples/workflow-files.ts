/** Tasks from a file, results into a file. Run it with: npx tsx examples/workflow-files.ts tasks.json results.json --sandbox */
import { BatchProcessingWorkflow } from 'batch-mcp';

const [tasks = 'examples/batch_requests.json', output = 'results.json', ...flags] = process.argv.slice(2);
const workflow = new BatchProcessingWorkflow({ flags });

const requests = await workflow.loadRequestsFromFile(tasks);
const results = await workflow.executeBatch(requests, {
  onProgress: ({ stage, done, total }) => console.error(`${stage}: ${done} of ${total ?? '?'}`),
});
await workflow.saveResultsToFile(results, output);
console.log(`${results.filter(({ success }) => success).length} of ${results.length} results in ${output}`);
await workflow.close();
