import { createAnthropic } from '@ai-sdk/anthropic';
import { Agent } from '@mastra/core/agent';
import { MCPClient } from '@mastra/mcp';

export async function play({ command, args, env, cwd }, modelUrl, task, abortSignal) {
  const client = new MCPClient({ servers: { 'batch-mcp': { command, args, env, cwd } } });
  try {
    const agent = new Agent({
      id: 'clerk',
      name: 'clerk',
      instructions: 'Do the work.',
      model: createAnthropic({ apiKey: 'none', baseURL: `${modelUrl}/v1` })('claude-sonnet-5'),
      tools: await client.listTools(),
    });
    await agent.generate(task, { maxSteps: 20, abortSignal });
  } finally {
    await client.disconnect();
  }
}
