import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

export async function connect(server) {
  const client = new Client({ name: 'sdk-1', version: '1' });
  await client.connect(new StdioClientTransport(server));
  await client.listTools();
  return {
    call: (name, args, signal) => client.callTool({ name, arguments: args }, undefined, { signal }),
    close: () => client.close(),
  };
}
