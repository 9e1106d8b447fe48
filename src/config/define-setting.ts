import * as z from 'zod';
import { isDecimal } from '../lib/numbers.ts';

/** How the text of a setting is read. */
export type ValueType<T> = {
  /** The value's name in help, as in `--data-dir <folder>`; null for a switch, whose flag has no value. */
  name: string | null;
  /** Its error says what is valid. */
  schema: z.ZodType<T, string>;
};

/** Null if there is no default. */
export type DefaultValue = string | number | boolean | null;

/**
 * One thing that the owner can set: the single source of its variable, its flag, its line in `--help` and in
 * docs/configuration.md, and of the message for a bad value.
 */
export type Setting<T = unknown, Default extends DefaultValue = DefaultValue> = {
  variable: `BATCH_MCP_${string}`;
  /** Without its dashes. Absent if there is only the variable. */
  flag?: string;
  type: ValueType<T>;
  /** Several texts: the variable's is separated as `PATH` is, the flag takes several and can be repeated. */
  list?: true;
  default: Default;
  /** The default in words, if it is not a fixed value. */
  defaultText?: string;
  /** One line, for a terminal and for the documentation. */
  help: string;
  /** It limits what may be done or spent, so a placeholder in it stops the start rather than lifting the limit. */
  protects?: true;
  /** Its text is never quoted. */
  secret?: true;
  /** It only concerns a server: no other command has its flag. */
  ofServer?: true;
  /** Whether a text is meant literally, though part of it looks like a placeholder. */
  isLiteral?: (text: string) => boolean;
  /** A flag without a value that stands for one value of the setting. */
  shorthand?: { flag: string; value: string; help: string };
};

/** Lets an entry of the table keep its own types. */
export const defineSetting = <T, const Default extends (T & DefaultValue) | null>(
  entry: Setting<T, Default>,
): Setting<T, Default> => entry;

const yes = ['1', 'true', 'yes', 'on'];
const no = ['0', 'false', 'no', 'off'];

export const text = (name: string): ValueType<string> => ({ name, schema: z.string() });

/** Names separated by commas or spaces. */
export const names = (name: string): ValueType<string[]> => ({
  name,
  schema: z
    .string()
    .transform((value) => value.split(/[\s,]+/).filter((each) => each !== ''))
    .refine((list) => list.every((each) => /^[a-z0-9-]+$/.test(each)), {
      error: 'names of lower-case letters, digits and -, with commas between them',
    }),
});

/** A setting read by `read`; `form` describes the valid values. */
export const address = <T>(read: (text: string) => T | undefined, form: string): ValueType<T> => ({
  name: 'address',
  schema: z.string().transform((value, context) => {
    const found = read(value);
    if (found !== undefined) return found;
    context.addIssue({ code: 'custom', message: form });
    return z.NEVER;
  }),
});

export const oneOf = <const T extends string>(name: string, values: readonly T[]): ValueType<T> => ({
  name,
  schema: z.enum(values, { error: `one of ${values.join(', ')}` }),
});

/** Switched on by its flag; the variable says on or off in words. */
export const onOff: ValueType<boolean> = {
  name: null,
  schema: z
    .string()
    .toLowerCase()
    .refine((value) => yes.includes(value) || no.includes(value), {
      error: `one of ${[...yes, ...no].join(', ')}`,
    })
    .transform((value) => yes.includes(value)),
};

/** A plain decimal number: `0x10` as a ceiling would be a typo worth some dollars. */
export const amount = (name: string): ValueType<number> => ({
  name,
  schema: z
    .string()
    .refine((value) => isDecimal(value) && Number(value) >= 0, {
      error: 'a number, zero or above, as in 25 or 0.5',
    })
    .transform(Number),
});

export const aboveZero = (name: string): ValueType<number> => ({
  name,
  schema: z
    .string()
    .refine((value) => isDecimal(value) && Number(value) > 0, { error: 'a number above zero, as in 50' })
    .transform(Number),
});

/** The flags of a setting as a person types them. */
export function flagsOf({ flag, shorthand }: Setting): string[] {
  return [flag, shorthand?.flag].flatMap((name) => (name === undefined ? [] : [`--${name}`]));
}

/** The default in words; empty if there is none. */
export function defaultOf({ default: value, defaultText }: Setting): string {
  if (defaultText !== undefined) return defaultText;
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return value === null ? '' : String(value);
}
