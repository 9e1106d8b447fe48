import { Agent, MCPServerStdio, OpenAIProvider, Runner } from '@openai/agents';

export async function play({ command, args, env, cwd }, modelUrl, task, signal) {
  const server = new MCPServerStdio({ name: 'batch-mcp', command, args, env, cwd });
  await server.connect();
  try {
    const modelProvider = new OpenAIProvider({ apiKey: 'none', baseURL: modelUrl, useResponses: true });
    const runner = new Runner({ modelProvider, tracingDisabled: true });
    const agent = new Agent({
      name: 'clerk',
      model: 'gpt-5',
      mcpServers: [server],
      mcpConfig: { convertSchemasToStrict: true },
    });
    await runner.run(agent, task, { signal, maxTurns: 20 });
  } finally {
    await server.close();
  }
}
