import { createAnthropic } from '@ai-sdk/anthropic';
import { createMCPClient } from '@ai-sdk/mcp';
import { Experimental_StdioMCPTransport as StdioTransport } from '@ai-sdk/mcp/mcp-stdio';
import { generateText, isStepCount } from 'ai';

export async function play({ command, args, env, cwd }, modelUrl, prompt, abortSignal) {
  const client = await createMCPClient({ transport: new StdioTransport({ command, args, env, cwd }) });
  try {
    const model = createAnthropic({ apiKey: 'none', baseURL: `${modelUrl}/v1` })('claude-sonnet-5');
    await generateText({
      model,
      tools: await client.tools(),
      prompt,
      stopWhen: isStepCount(20),
      abortSignal,
    });
  } finally {
    await client.close();
  }
}
