/**
 * From one call after the other to a batch at half the price. Run it with: npx tsx examples/migration.ts --sandbox
 *
 * Before:
 *
 *     const answers: string[] = [];
 *     for (const review of reviews) {
 *       const message = await anthropic.messages.create({
 *         model: 'claude-haiku-5-5',
 *         max_tokens: 2048,
 *         messages: [{ role: 'user', content: `Positive or negative? ${review}` }],
 *       });
 *       answers.push(textOf(message));
 *     }
 */
import { createBatchClient } from 'batch-mcp';

const reviews = ['Works as described.', 'Broke after a day.', 'My cat loves it.'];
const client = await createBatchClient({ flags: process.argv.slice(2) });

const { batch_id } = await client.submit({
  requests: reviews.map((review, index) => ({ task_id: `review_${index}`, input_data: { review } })),
  prompt: 'Positive or negative? {{review}}',
  model_tier: 'cheap',
});
await client.wait(batch_id);
for await (const { task_id, outcome, text } of client.answers(batch_id)) console.log(task_id, outcome, text);
await client.close();
