/** The tools as other people's code converts them for its models: `node convert.js <server.js>` prints them as JSON. */
import { mcpToTool } from '@google/genai';
import { loadMcpTools } from '@langchain/mcp-adapters';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const [built] = process.argv.slice(2);
const client = new Client({ name: 'converter', version: '1' });
const env = { PATH: process.env.PATH, HOME: process.cwd(), BATCH_MCP_DATA_DIR: process.cwd() };
await client.connect(
  new StdioClientTransport({ command: process.execPath, args: [built, '--sandbox'], env }),
);

const { tools } = await client.listTools();
const { functionDeclarations } = await mcpToTool(client).tool();
const langChain = await loadMcpTools('batch-mcp', client);
process.stdout.write(
  JSON.stringify({
    advertised: tools.map(({ name, inputSchema }) => ({ name, schema: inputSchema })),
    gemini: functionDeclarations.map(({ name, parametersJsonSchema, parameters }) => ({
      name,
      schema: parametersJsonSchema ?? parameters,
    })),
    langChain: langChain.map(({ name, schema }) => ({ name, schema })),
  }),
  () => process.exit(0),
);
