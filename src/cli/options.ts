import { Option } from 'commander';
import * as z from 'zod';
import { BatchError, hasErrorCode, type Problem } from '../errors.ts';
import { parseExact } from '../lib/exact-json.ts';
import { readRegularFile } from '../lib/files/regular-file.ts';
import { isDecimal } from '../lib/numbers.ts';
import { withNumbers } from '../tasks/argument-numbers.ts';

/** How an argument of an operation is typed at a terminal. */
type Kind = 'text' | 'number' | 'number_or_text' | 'yes_no' | 'texts' | 'json' | 'pairs' | 'text_or_json';

export type Argument = {
  /** As the operation has it: `max_cost_usd`. */
  name: string;
  kind: Kind;
  option: Option;
};

/** As far as it is looked at; a schema of a field that takes several shapes has no `type`. */
const fieldSchema = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  description: z.string().optional(),
  enum: z.array(z.string()).optional(),
  items: z.looseObject({ type: z.string().optional(), enum: z.array(z.string()).optional() }).optional(),
  anyOf: z.array(z.looseObject({ type: z.string().optional() })).optional(),
  additionalProperties: z.unknown().optional(),
});
type FieldSchema = z.infer<typeof fieldSchema>;

function kindOf({ type, items, anyOf, additionalProperties }: FieldSchema): Kind {
  if (type === 'string') return 'text';
  if (type === 'number' || type === 'integer') return 'number';
  if (type === 'boolean') return 'yes_no';
  if (Array.isArray(type) && type.includes('number') && type.includes('string')) return 'number_or_text';
  if (type === 'array' && items?.type === 'string') return 'texts';
  if (type === 'object' && additionalProperties) return 'pairs';
  return anyOf?.some((one) => one.type === 'string') === true ? 'text_or_json' : 'json';
}

const placeholders: Record<Kind, string> = {
  text: ' <text>',
  number: ' <number>',
  number_or_text: ' <number or text>',
  yes_no: '',
  texts: ' <text...>',
  json: ' <json>',
  pairs: ' <json>',
  text_or_json: ' <text>',
};

const hints: Partial<Record<Kind, string>> = {
  json: ' (JSON, or a path to a .json file)',
  pairs: ' (JSON, name=value, or a path to a .json file)',
};

/** How an argument of an operation is typed: `--max-cost-usd`. */
export const optionOf = (name: string) => `--${name.replaceAll('_', '-')}`;

/**
 * One option for each field of an operation's input, so that an argument of a tool is an option of its command; but for
 * those that the command takes without one. `help` says what the field's description does not.
 */
export function argumentsOf(
  input: z.ZodObject,
  positional: readonly string[],
  help: (name: string) => string | undefined = () => undefined,
): Argument[] {
  const { properties = {} } = z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' });
  return Object.entries(properties)
    .filter(([name]) => !positional.includes(name))
    .map(([name, told]) => {
      const schema = fieldSchema.parse(told);
      const kind = kindOf(schema);
      const hint = hints[kind] ?? '';
      const option = new Option(
        `${optionOf(name)}${placeholders[kind]}`,
        `${help(name) ?? schema.description ?? ''}${hint}`.trim(),
      );
      const choices = schema.enum ?? schema.items?.enum;
      if (choices !== undefined) option.choices(choices);
      return { name, kind, option };
    });
}

const wrong = (option: Option, problem: Omit<Problem, 'field'>): Problem => ({
  field: option.long ?? option.flags,
  ...problem,
});

const isJson = (text: string) => /^\s*[[{"]/.test(text);

async function jsonOf(option: Option, text: string): Promise<ReadOption> {
  const valid = 'JSON, as in \'{"key": "value"}\', or the path of a .json file';
  if (text.trim() === '') return { problem: wrong(option, { problem: 'is empty', valid }) };
  const inline = isJson(text);
  try {
    return { value: parseExact(inline ? text : (await readRegularFile(text)).replace(/^\uFEFF/, '')).value };
  } catch (error) {
    if (error instanceof SyntaxError) {
      const problem = inline ? 'is not valid JSON' : `names ${text}, which does not hold JSON`;
      return { problem: wrong(option, { problem, valid }) };
    }
    const isRefused = error instanceof BatchError;
    if (!isRefused && !hasErrorCode(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'EPERM')) throw error;
    const why = isRefused ? 'is not a regular file' : "can't be read";
    return { problem: wrong(option, { problem: `names ${text}, which ${why}`, valid }) };
  }
}

/** As people type an object of one or two texts: `label=category`, or `label=category,tone=mood`. */
const PAIR = /^\s*([^\s={}[\]",][^={}[\]",]*?)\s*=\s*(.*?)\s*$/;

function pairsIn(text: string): Record<string, string> | null {
  const pairs = text.split(',').map((pair) => PAIR.exec(pair));
  if (text.endsWith('.json') || pairs.some((pair) => pair === null)) return null;
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']));
}

type ReadOption = { value: unknown } | { problem: Problem };

/** What a typed option means; what commander has read already stays as it is. */
async function readOption({ kind, option }: Argument, typed: unknown): Promise<ReadOption> {
  if (typeof typed !== 'string') return { value: typed };
  switch (kind) {
    case 'number':
      if (isDecimal(typed.trim())) return { value: Number(typed) };
      return { problem: wrong(option, { problem: `got ${JSON.stringify(typed)}`, valid: 'a number' }) };
    case 'number_or_text':
      return { value: isDecimal(typed.trim()) ? Number(typed) : typed };
    case 'json':
      return jsonOf(option, typed);
    case 'pairs': {
      const pairs = pairsIn(typed);
      return pairs === null ? jsonOf(option, typed) : { value: pairs };
    }
    case 'text_or_json':
      return isJson(typed) ? jsonOf(option, typed) : { value: typed };
    default:
      return { value: typed };
  }
}

/** The arguments that the typed options mean. Throws `invalid_input` with every problem at once. */
export async function readArguments(
  known: readonly Argument[],
  typed: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const problems: Problem[] = [];
  const values: Record<string, unknown> = {};
  for (const argument of known) {
    const given = typed[argument.option.attributeName()];
    if (given === undefined) continue;
    const read = await readOption(argument, given);
    if ('problem' in read) problems.push(read.problem);
    else values[argument.name] = withNumbers(argument.name, read.value);
  }
  if (problems.length > 0) {
    throw new BatchError('invalid_input', 'These options are not valid; nothing was done.', { problems });
  }
  return values;
}
