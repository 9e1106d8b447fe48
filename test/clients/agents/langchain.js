import { ChatAnthropic } from '@langchain/anthropic';
import { MultiServerMCPClient } from '@langchain/mcp-adapters';
import { createAgent } from 'langchain';

export async function play({ command, args, env, cwd }, modelUrl, task, signal) {
  const client = new MultiServerMCPClient({
    mcpServers: { 'batch-mcp': { transport: 'stdio', command, args, env, cwd } },
  });
  try {
    const model = new ChatAnthropic({ model: 'claude-sonnet-5', apiKey: 'none', anthropicApiUrl: modelUrl });
    const agent = createAgent({ model, tools: await client.getTools() });
    await agent.invoke({ messages: [{ role: 'user', content: task }] }, { signal, recursionLimit: 50 });
  } finally {
    await client.close();
  }
}
