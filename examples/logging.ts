/** What a program logs of a batch, and what each model cost it. Run it with: npx tsx examples/logging.ts --sandbox */
import { AnthropicBatchProvider } from 'batch-mcp';

/** Stands for the logger of your own; stdout is left to what the program gives. */
const logger = {
  info: (line: string) => console.error(`INFO ${line}`),
  warning: (line: string) => console.error(`WARNING ${line}`),
  error: (line: string) => console.error(`ERROR ${line}`),
};

const provider = new AnthropicBatchProvider({
  flags: process.argv.slice(2),
  // What the library itself has to tell, without content and keys.
  log: (level, message) => {
    if (level === 'error') logger.error(message);
    if (level === 'warn') logger.warning(message);
  },
});

const requests = ['claude-sonnet-5-5', 'claude-haiku-5-5', 'claude-haiku-5-5'].map((model, index) => ({
  custom_id: `task_${index + 1}`,
  params: {
    model,
    messages: [{ role: 'user', content: `Analyze this log: ERROR: Connection ${index + 1} failed` }],
    max_tokens: 1024,
  },
}));
const batchId = await provider.createBatch(requests);
logger.info(`Submitted batch ${batchId} with ${requests.length} requests`);

const results = await provider.waitForBatch(batchId, { pollInterval: 300, timeout: 86_400 });
const tokens = new Map<string, { input: number; output: number }>();
for (const { custom_id, result } of results) {
  if (result.type === 'succeeded') {
    const { model, usage } = result.message;
    const { input, output } = tokens.get(model) ?? { input: 0, output: 0 };
    tokens.set(model, { input: input + usage.input_tokens, output: output + usage.output_tokens });
  } else if (result.type === 'errored') {
    logger.error(`${custom_id} failed: ${result.error.error.message}`);
  } else {
    // Expired, canceled or missing: client.retry() sends it again under the batch's own id.
    logger.warning(`${custom_id}: ${result.type}`);
  }
}

const count = (type: string) => results.filter(({ result }) => result.type === type).length;
logger.info(
  `Batch ${batchId} completed: ${count('succeeded')}/${results.length} succeeded, ${count('errored')} errored`,
);
const status = await provider.getBatchStatus(batchId);
const dollars = 'cost_usd' in status ? status.cost_usd?.actual : null;
for (const [model, { input, output }] of tokens) console.log(`${model}: ${input} tokens in, ${output} out`);
console.log(`${dollars} dollars at batch price`);
await provider.close();
