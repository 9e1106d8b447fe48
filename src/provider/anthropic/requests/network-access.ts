import type { Problem } from '../../../errors.ts';
import { isJsonObject } from '../../../lib/json.ts';

/**
 * Whatever lets a request reach the network, and so carry a caller's data out: tools that search, fetch or run code at
 * the provider, MCP servers, containers, and sources that the provider fetches by URL. Named as in the Messages API; the
 * date at the end is a tool's version, and new ones will come.
 */
const NETWORK_TOOL = /^(web_search|web_fetch|code_execution|mcp_toolset)/;
/** Within messages a tool is recognized by its dated type; `web_search_tool_result` is only an earlier result. */
const INLINE_NETWORK_TOOL = /^((web_search|web_fetch|code_execution)(_\d{8})?|mcp_toolset)$/;

/** Data in the caller's own shape, on which the provider does not act. */
const OPAQUE = new Set(['input', 'input_schema', 'input_examples', 'output_config', 'metadata']);

const HOW_TO_ALLOW =
  'leave it out; the owner of this server can allow network access with BATCH_MCP_ALLOW_NETWORK_TOOLS=1';

function refused(field: string, what: string): Problem {
  return { field, problem: `${what} would give the request access to the network`, valid: HOW_TO_ALLOW };
}

function isNetworkTool(value: unknown, path: string): boolean {
  if (!isJsonObject(value) || typeof value.type !== 'string' || !NETWORK_TOOL.test(value.type)) return false;
  // The path is checked last: concatenating a longer one costs next to nothing while nobody reads it.
  return INLINE_NETWORK_TOOL.test(value.type) || /^tools\[\d+\]$/.test(path);
}

function isUrlSource(value: unknown, key: string): boolean {
  return key === 'source' && isJsonObject(value) && value.type === 'url';
}

/** The places where a Messages API body asks for network access, wherever they are nested. */
export function findNetworkAccess(params: Readonly<Record<string, unknown>>): Problem[] {
  const problems: Problem[] = [];
  for (const key of ['mcp_servers', 'container']) {
    if (params[key] !== undefined && params[key] !== null) problems.push(refused(key, key));
  }

  // A stack of our own: what the caller nests deeply must not overflow the call stack.
  const open: { value: unknown; key: string; path: string }[] = [{ value: params, key: '', path: '' }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, key, path } = next;
    if (isNetworkTool(value, path)) problems.push(refused(`${path}.type`, 'this tool'));
    if (isUrlSource(value, key)) problems.push(refused(path, 'a source given by URL'));
    if (Array.isArray(value)) {
      for (const [index, one] of value.entries())
        open.push({ value: one, key: '', path: `${path}[${index}]` });
    } else if (isJsonObject(value)) {
      for (const [name, one] of Object.entries(value)) {
        if (!OPAQUE.has(name))
          open.push({ value: one, key: name, path: path === '' ? name : `${path}.${name}` });
      }
    }
  }
  return problems;
}
