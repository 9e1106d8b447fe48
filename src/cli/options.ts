import { Option } from 'commander';
import * as z from 'zod';
import { BatchError, hasErrorCode, type Problem } from '../errors.ts';
import { parseExact } from '../lib/exact-json.ts';
import { readRegularFile } from '../lib/files/regular-file.ts';
import { isDecimal } from '../lib/numbers.ts';
import { withNumbers } from '../operations/work/exact-arguments.ts';

/** How an argument of an operation is typed at a terminal. */
type Kind = 'text' | 'number' | 'number_or_text' | 'yes_no' | 'texts' | 'json' | 'text_or_json';

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
});
type FieldSchema = z.infer<typeof fieldSchema>;

function kindOf({ type, items, anyOf }: FieldSchema): Kind {
  if (type === 'string') return 'text';
  if (type === 'number' || type === 'integer') return 'number';
  if (type === 'boolean') return 'yes_no';
  if (Array.isArray(type) && type.includes('number') && type.includes('string')) return 'number_or_text';
  if (type === 'array' && items?.type === 'string') return 'texts';
  return anyOf?.some((one) => one.type === 'string') === true ? 'text_or_json' : 'json';
}

const placeholders: Record<Kind, string> = {
  text: ' <text>',
  number: ' <number>',
  number_or_text: ' <number or text>',
  yes_no: '',
  texts: ' <text...>',
  json: ' <json>',
  text_or_json: ' <text>',
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
      const hint = kind === 'json' ? ' (JSON, or a path to a .json file)' : '';
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

async function jsonOf(option: Option, text: string): Promise<{ value: unknown } | { problem: Problem }> {
  const inline = isJson(text);
  try {
    return { value: parseExact(inline ? text : (await readRegularFile(text)).replace(/^\uFEFF/, '')).value };
  } catch (error) {
    const valid = 'JSON, as in \'{"key": "value"}\', or the path of a .json file';
    if (error instanceof SyntaxError) {
      const problem = inline ? 'is no JSON' : `names ${text}, which does not hold JSON`;
      return { problem: wrong(option, { problem, valid }) };
    }
    const isRefused = error instanceof BatchError;
    if (!isRefused && !hasErrorCode(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'EPERM')) throw error;
    const why = isRefused ? 'is not a regular file' : "can't be read";
    return { problem: wrong(option, { problem: `names ${text}, which ${why}`, valid }) };
  }
}

/** The arguments that the typed options mean. Throws `invalid_input` with every problem at once. */
export async function readArguments(
  known: readonly Argument[],
  typed: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const problems: Problem[] = [];
  const values: Record<string, unknown> = {};
  for (const { name, kind, option } of known) {
    const value = typed[option.attributeName()];
    if (value === undefined) continue;
    if (kind === 'number_or_text') {
      values[name] = typeof value === 'string' && isDecimal(value.trim()) ? Number(value) : value;
    } else if (kind === 'number') {
      if (typeof value === 'string' && isDecimal(value.trim())) values[name] = Number(value);
      else problems.push(wrong(option, { problem: `got ${JSON.stringify(value)}`, valid: 'a number' }));
    } else if (typeof value === 'string' && (kind === 'json' || (kind === 'text_or_json' && isJson(value)))) {
      const read = await jsonOf(option, value);
      if ('problem' in read) problems.push(read.problem);
      else values[name] = withNumbers(name, read.value);
    } else values[name] = value;
  }
  if (problems.length > 0) {
    throw new BatchError('invalid_input', 'These options are not valid; nothing was done.', { problems });
  }
  return values;
}
