/** The reference of a start: the SDK's server, and nothing but the list of tools that it is given as a JSON file. */
import { readFileSync } from 'node:fs';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const list = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const server = new Server({ name: 'bare', version: '1' }, { capabilities: { tools: {} } });
server.setRequestHandler(ListToolsRequestSchema, () => list);
process.stdin.on('end', () => process.exit(0));
await server.connect(new StdioServerTransport());
