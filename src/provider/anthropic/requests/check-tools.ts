import type { Problem } from '../../../errors.ts';
import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import type { Model } from '../../models.ts';
import { checkInputSchema } from './check-input-schema.ts';
import { checkClosedSchema } from './output-schema.ts';

/** Tool use documentation. */
const TOOL_NAME = /^[a-zA-Z0-9_-]{1,128}$/;
const TOOL =
  'as in {"name": "get_weather", "description": "…", "input_schema": {"type": "object", "properties": {…}}}';

/** A tool that the caller runs: the ones that Anthropic defines have a dated type. */
export const isOwnTool = ({ type }: JsonObject) => type === undefined || type === null || type === 'custom';

/** Anthropic's own tools, by how their types begin (SDK 1.12.0, `ToolUnion` and its beta), and any dated type. */
const DEFINED_TOOL =
  /^(bash|text_editor|memory|computer|browser|web_search|web_fetch|code_execution|tool_search_tool|mcp_toolset|advisor)(_|$)|_\d{8}$/;

/** How other providers write a tool, by a key that only their tools have. */
const FOREIGN_TOOLS: [key: string, whose: string][] = [
  ['function', "OpenAI's"],
  ['toolSpec', "Bedrock's"],
  ['functionDeclarations', "Gemini's"],
  ['function_declarations', "Gemini's"],
  ['inputSchema', "MCP's"],
  ['parameters', "OpenAI's"],
];

/** The required names of Anthropic's own tools, by how their types begin (SDK 1.12.0); a set of tools has no name. */
const DEFINED_NAMES: [type: RegExp, name: string][] = [
  [/^text_editor_(20241022|20250124)$/, 'str_replace_editor'],
  [/^text_editor_\d{8}$/, 'str_replace_based_edit_tool'],
  [/^bash_\d{8}$/, 'bash'],
  [/^computer_\d{8}$/, 'computer'],
  [/^memory_\d{8}$/, 'memory'],
  [/^code_execution_\d{8}$/, 'code_execution'],
  [/^web_search_\d{8}$/, 'web_search'],
  [/^web_fetch_\d{8}$/, 'web_fetch'],
  [/^tool_search_tool_regex(_\d{8})?$/, 'tool_search_tool_regex'],
  [/^tool_search_tool_bm25(_\d{8})?$/, 'tool_search_tool_bm25'],
];

export function checkTools(tools: unknown): Problem[] {
  if (tools === undefined || tools === null) return [];
  if (!Array.isArray(tools))
    return [{ field: 'tools', problem: 'is not a list', valid: `a list of tools, ${TOOL}` }];
  const names = new Set<unknown>();
  const problems = tools.flatMap((tool: unknown, index): Problem[] => {
    const field = `tools[${index}]`;
    if (!isJsonObject(tool)) return [{ field, problem: 'is not a tool', valid: `an object, ${TOOL}` }];
    const problems = checkTool(tool, field);
    if (typeof tool.name === 'string' && names.has(tool.name)) {
      problems.push({
        field: `${field}.name`,
        problem: 'is the name of a tool before it',
        valid: 'a name of its own',
      });
    }
    names.add(tool.name);
    return problems;
  });
  const isDeferred = (tool: unknown) => isJsonObject(tool) && tool.defer_loading === true;
  if (tools.length > 0 && tools.every(isDeferred)) {
    const problem = 'all of them are deferred';
    problems.push({
      field: 'tools',
      problem,
      valid: 'a tool without defer_loading, as one that searches for the others',
    });
  }
  return problems;
}

function checkTool(tool: JsonObject, field: string): Problem[] {
  const foreign = FOREIGN_TOOLS.find(([key]) => key in tool && !('input_schema' in tool));
  if (foreign !== undefined || tool.type === 'function') {
    return [{ field, problem: `is ${foreign?.[1] ?? "OpenAI's"} form of a tool`, valid: TOOL }];
  }
  if (!isOwnTool(tool)) {
    if (typeof tool.type === 'string' && DEFINED_TOOL.test(tool.type))
      return [...checkDefined(tool, tool.type, field), ...checkDeferred(tool, field)];
    const valid = `no type for a tool of your own (${TOOL}), or the dated type of one of Anthropic's`;
    return [{ field: `${field}.type`, problem: 'is not a type of tool', valid }];
  }
  return [
    ...checkToolName(tool.name, `${field}.name`),
    ...checkTaken(tool, `${field}.input_schema`),
    ...checkDeferred(tool, field),
  ];
}

/** The input of a strict tool is generated like structured output, with the same subset of JSON Schema. */
function checkTaken({ input_schema: schema, strict }: JsonObject, field: string): Problem[] {
  const problems = checkInputSchema(schema, field);
  return problems.length === 0 && strict === true
    ? checkClosedSchema(schema, field, 'or a tool without strict')
    : problems;
}

function checkDefined(tool: JsonObject, type: string, field: string): Problem[] {
  const [, name] = DEFINED_NAMES.find(([known]) => known.test(type)) ?? [];
  const problems: Problem[] = [];
  if (name !== undefined && tool.name !== name) {
    const problem = tool.name === undefined ? 'is missing' : 'is not what this tool is called';
    problems.push({ field: `${field}.name`, problem, valid: name });
  }
  const uses = tool.max_uses ?? null;
  if (uses !== null && !(typeof uses === 'number' && Number.isSafeInteger(uses) && uses > 0)) {
    const problem = 'is not a whole number above 0';
    problems.push({ field: `${field}.max_uses`, problem, valid: 'a whole number from 1, or leave it out' });
  }
  if ((tool.allowed_domains ?? null) !== null && (tool.blocked_domains ?? null) !== null) {
    const problem = 'is given together with allowed_domains';
    problems.push({ field: `${field}.blocked_domains`, problem, valid: 'one of the two' });
  }
  return problems;
}

/** A tool that is loaded later is not part of the cached prompt. */
function checkDeferred(tool: JsonObject, field: string): Problem[] {
  if (tool.defer_loading !== true || (tool.cache_control ?? null) === null) return [];
  const problem = 'is on a tool with defer_loading';
  return [
    { field: `${field}.cache_control`, problem, valid: 'cache_control at a tool that is not deferred' },
  ];
}

function checkToolName(name: unknown, field: string): Problem[] {
  if (typeof name === 'string' && TOOL_NAME.test(name)) return [];
  const problem = typeof name === 'string' && name !== '' ? 'is not a legal name' : 'is missing';
  return [{ field, problem, valid: '1 to 128 letters, digits, _ or -' }];
}

const TOOL_CHOICES = ['auto', 'any', 'tool', 'none'];
const CHOICE = `an object with a type of ${TOOL_CHOICES.join(', ')}, as in {"type": "auto"}`;

type ToolUse = { tools: unknown; tool_choice: unknown; thinking: unknown };

export function checkToolChoice(
  { tools, tool_choice: choice, thinking }: ToolUse,
  model: Model | undefined,
): Problem[] {
  if (choice === undefined || choice === null) return [];
  const field = 'tool_choice';
  const type = isJsonObject(choice) ? choice.type : undefined;
  if (!isJsonObject(choice) || typeof type !== 'string' || !TOOL_CHOICES.includes(type)) {
    const isOpenAi = type === 'function' || ['auto', 'none', 'required'].some((word) => word === choice);
    const whose = isOpenAi ? "is OpenAI's form of a tool choice" : 'is not a tool choice';
    return [{ field, problem: whose, valid: CHOICE }];
  }
  if (['any', 'tool'].includes(type)) {
    const refusal = whyNotForced(thinking, model);
    if (refusal !== null) return [{ field: `${field}.type`, problem: refusal, valid: 'auto, none' }];
  }
  const list: unknown[] = Array.isArray(tools) ? tools : [];
  if (list.length === 0 && type !== 'none') {
    return [{ field, problem: 'is given without tools', valid: 'tools beside it, or leave it out' }];
  }
  if (type !== 'tool') return [];
  if (typeof choice.name !== 'string') {
    return [{ field: `${field}.name`, problem: 'is missing', valid: 'the name of one of the tools' }];
  }
  const named = list.some((tool) => isJsonObject(tool) && tool.name === choice.name);
  // The names of the tools in a set are not known here.
  const sets = list.some((tool) => isJsonObject(tool) && tool.name === undefined);
  return named || sets
    ? []
    : [{ field: `${field}.name`, problem: 'names none of the tools', valid: 'the name of one of the tools' }];
}

function whyNotForced(thinking: unknown, model: Model | undefined): string | null {
  if (model?.refuses.includes('forced_tool_choice')) return `${model.id} can't be made to use a tool`;
  const thinks = isJsonObject(thinking) && ['enabled', 'adaptive'].includes(String(thinking.type));
  return thinks && model?.refuses.includes('forced_tool_choice_while_thinking')
    ? `${model.id} can't be made to use a tool while it thinks`
    : null;
}
