import type { Problem } from '../../../errors.ts';
import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import type { Model } from '../../models.ts';

/** Tool use documentation. */
const TOOL_NAME = /^[a-zA-Z0-9_-]{1,128}$/;
const TOOL =
  'as in {"name": "get_weather", "description": "…", "input_schema": {"type": "object", "properties": {…}}}';

/** A tool that the caller runs: the ones that Anthropic defines have a dated type. */
const isOwnTool = ({ type }: JsonObject) => type === undefined || type === null || type === 'custom';

/** Anthropic's own tools, by how their types begin (SDK 1.12.0, `ToolUnion` and its beta), and any that has a date. */
const DEFINED_TOOL =
  /^(bash|text_editor|memory|computer|browser|web_search|web_fetch|code_execution|tool_search_tool|mcp_toolset|advisor)(_|$)|_\d{8}$/;

/** How other providers write a tool, by a key that only theirs has. */
const FOREIGN_TOOLS: [key: string, whose: string][] = [
  ['function', "OpenAI's"],
  ['toolSpec', "Bedrock's"],
  ['functionDeclarations', "Gemini's"],
  ['function_declarations', "Gemini's"],
  ['inputSchema', "MCP's"],
  ['parameters', "OpenAI's"],
];

export function checkTools(tools: unknown): Problem[] {
  if (tools === undefined || tools === null) return [];
  if (!Array.isArray(tools))
    return [{ field: 'tools', problem: 'is not a list', valid: `a list of tools, ${TOOL}` }];
  const names = new Set<unknown>();
  return tools.flatMap((tool: unknown, index): Problem[] => {
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
}

function checkTool(tool: JsonObject, field: string): Problem[] {
  const foreign = FOREIGN_TOOLS.find(([key]) => key in tool && !('input_schema' in tool));
  if (foreign !== undefined || tool.type === 'function') {
    return [{ field, problem: `is ${foreign?.[1] ?? "OpenAI's"} form of a tool`, valid: TOOL }];
  }
  if (!isOwnTool(tool)) {
    if (typeof tool.type === 'string' && DEFINED_TOOL.test(tool.type)) return [];
    const valid = `no type for a tool of your own (${TOOL}), or the dated type of one of Anthropic's`;
    return [{ field: `${field}.type`, problem: 'is not a type of tool', valid }];
  }
  return [
    ...checkToolName(tool.name, `${field}.name`),
    ...checkInputSchema(tool.input_schema, `${field}.input_schema`),
  ];
}

function checkToolName(name: unknown, field: string): Problem[] {
  if (typeof name === 'string' && TOOL_NAME.test(name)) return [];
  const problem = typeof name === 'string' && name !== '' ? 'is not a legal name' : 'is missing';
  return [{ field, problem, valid: '1 to 128 letters, digits, _ or -' }];
}

function checkInputSchema(schema: unknown, field: string): Problem[] {
  const valid = 'a JSON Schema of an object, as in {"type": "object", "properties": {…}}';
  if (!isJsonObject(schema)) {
    return [
      { field, problem: schema === undefined || schema === null ? 'is missing' : 'is not an object', valid },
    ];
  }
  return schema.type === 'object' ? [] : [{ field: `${field}.type`, problem: 'is not "object"', valid }];
}

const TOOL_CHOICES = ['auto', 'any', 'tool', 'none'];
const CHOICE = `an object with a type of ${TOOL_CHOICES.join(', ')}, as in {"type": "auto"}`;

export type ToolUse = { tools: unknown; tool_choice: unknown; thinking: unknown };

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
  // A tool of a set has a name that its set does not say.
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
