import { describe, expect, it } from 'vitest';
import { modelTable } from '../../../../src/provider/anthropic/models/price-table.ts';
import { checkParams } from '../../../../src/provider/anthropic/requests/check-params.ts';
import { createModelCatalog } from '../../../../src/provider/models.ts';

const catalog = createModelCatalog(modelTable, { betas: ['mcp-client-2026-09-15'] });
const good = { model: 'claude-sonnet-5-5', max_tokens: 1024, messages: [{ role: 'user', content: 'Hello' }] };
const image = { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } };

function check(params: Record<string, unknown>, allowNetworkTools = false) {
  return checkParams(params, { allowNetworkTools, catalog });
}

function user(...content: unknown[]) {
  return { messages: [{ role: 'user', content }] };
}

describe('network access', () => {
  const document = { type: 'document', source: { type: 'url', url: 'https://example.com/a.pdf' } };
  const rows: [string, Record<string, unknown>, string][] = [
    ['web search', { tools: [{ type: 'web_search_20260318', name: 'web_search' }] }, 'tools[0].type'],
    [
      'web fetch',
      {
        tools: [
          { name: 'a', input_schema: { type: 'object' } },
          { type: 'web_fetch_20250910', name: 'web_fetch' },
        ],
      },
      'tools[1].type',
    ],
    [
      'code execution',
      { tools: [{ type: 'code_execution_20260521', name: 'code_execution' }] },
      'tools[0].type',
    ],
    ['a version yet to come', { tools: [{ type: 'web_search_next', name: 'web_search' }] }, 'tools[0].type'],
    ['an MCP toolset', { tools: [{ type: 'mcp_toolset', mcp_server_name: 'a' }] }, 'tools[0].type'],
    ['MCP servers', { mcp_servers: [{ type: 'url', url: 'https://example.com', name: 'a' }] }, 'mcp_servers'],
    ['a container', { container: 'container_1' }, 'container'],
    ['an image by URL', user(image), 'messages[0].content[0].source'],
    ['a document by URL', user({ type: 'text', text: 'a' }, document), 'messages[0].content[1].source'],
    [
      'an image in a tool result',
      {
        messages: [
          ...good.messages,
          { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'b', input: {} }] },
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: [image] }] },
        ],
      },
      'messages[2].content[0].content[0].source',
    ],
    [
      'an image in a document',
      user({ type: 'document', source: { type: 'content', content: [image] } }),
      'messages[0].content[0].source.content[0].source',
    ],
    [
      'a tool defined within messages',
      user({ type: 'tool_addition', tool: { type: 'web_fetch_20260318', name: 'web_fetch' } }),
      'messages[0].content[0].tool.type',
    ],
  ];
  it.each(rows)('is refused and can be allowed: %s', (_, params, field) => {
    const problems = check({ ...good, ...params });
    expect(problems.map((one) => one.field)).toEqual([field]);
    expect(problems[0]?.valid).toContain('BATCH_MCP_ALLOW_NETWORK_TOOLS');
    expect(check({ ...good, ...params }, true)).toEqual([]);
  });

  it('is found at any depth', () => {
    let block: unknown = image;
    for (let depth = 0; depth < 20_000; depth += 1) block = { type: 'tool_result', content: [block] };
    const found = check({ ...good, ...user(block) }).filter(({ valid }) => valid?.includes('NETWORK'));
    expect(found).toHaveLength(1);
  });
});
