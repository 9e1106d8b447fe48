import * as z from 'zod';
import { isJsonObject } from '../lib/json.ts';
import { didYouMean, quoteName } from '../lib/nearest.ts';
import { efforts, tiers } from '../provider/models.ts';

/** The head of a template's file: everything except the prompt. */
export const templateHead = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z][\w-]{0,63}$/)
    .optional(),
  description: z.string().min(1).max(1024),
  /** The meaning of its places: a list of names, or names with descriptions. */
  fields: z.union([z.array(z.string()), z.record(z.string(), z.string())]).optional(),
  tier: z.enum(tiers).optional(),
  effort: z.enum(efforts).optional(),
  max_tokens: z.int().positive().optional(),
  /** A JSON Schema of the answer, or the path of one beside the file. */
  output_schema: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
});
export type TemplateHead = z.infer<typeof templateHead>;

/** The valid values of each key, in words. */
export const headValues: Record<string, string> = {
  name: 'letters, digits, _ and -, a letter first, at most 64',
  description: 'a text of 1 to 1,024 characters',
  fields: 'a list of names, or names and what each is',
  tier: tiers.join(', '),
  effort: efforts.join(', '),
  max_tokens: 'a whole number above 0',
  output_schema: 'a JSON Schema, or the path of one',
};

export const headKeys = Object.keys(templateHead.shape);

/** Keys by which skills and prompts elsewhere describe themselves. They change nothing about the prompt, so they are ignored. */
const ABOUT_ITSELF = new Set([
  'license',
  'compatibility',
  'metadata',
  'version',
  'author',
  'authors',
  'tags',
]);

/** A head without the keys that only describe it; anything that is no object stays as it is. */
export const withoutAbout = (head: unknown): unknown =>
  isJsonObject(head)
    ? Object.fromEntries(Object.entries(head).filter(([key]) => !ABOUT_ITSELF.has(key)))
    : head;

const IN_TEXT = 'the text below the head, in which the part under # System is the system prompt';

/** For keys that other tools use: our key, or what to write instead. */
const meantKeys: Record<string, { key?: string; valid?: string }> = {
  model: { key: 'tier' },
  schema: { key: 'output_schema' },
  output: { key: 'output_schema' },
  inputs: { key: 'fields' },
  variables: { key: 'fields' },
  arguments: { key: 'fields' },
  parameters: { key: 'fields' },
  title: { key: 'name' },
  system: { valid: IN_TEXT },
  system_prompt: { valid: IN_TEXT },
  prompt: { valid: IN_TEXT },
};

/** The problem that an unknown key is. */
export function unknownKey(key: string): { problem: string; valid: string } {
  const meant = Object.hasOwn(meantKeys, key) ? meantKeys[key] : undefined;
  return {
    problem: `unknown key ${quoteName(key)}${didYouMean(meant?.key ?? key, headKeys)}`,
    valid: meant?.valid ?? headKeys.join(', '),
  };
}

/** The two texts of a template, with their places. */
type TemplateBody = { prompt: string; system: string };

type BodyProblem = { line: number; problem: string; valid: string };

const SYSTEM = /^system(?: (?:prompt|message|instructions?))?:?$/i;
const PROMPT = /^prompt:?$/i;
/** What others call the prompt; a heading of its own where no system prompt stands before it. */
const USER = /^user(?: (?:prompt|message|input))?:?$/i;

/** The heading in a line, and its level. */
function headingIn(line: string): { level: number; name: string } | null {
  const [, marks, name] = /^(#{1,6})\s+(.+?)\s*#*\s*$/.exec(line) ?? [];
  return marks === undefined || name === undefined ? null : { level: marks.length, name };
}

/** The level of the headings that part the texts: the first, or a lower one where both begin with such headings. */
function partLevel(lines: readonly string[]): number {
  const first = headingIn(lines.find((line) => line.trim() !== '') ?? '');
  if (first === null || !SYSTEM.test(first.name)) return 1;
  const isPrompt = (line: string) => {
    const heading = headingIn(line);
    return heading?.level === first.level && (PROMPT.test(heading.name) || USER.test(heading.name));
  };
  return lines.some(isPrompt) ? first.level : 1;
}

/**
 * Reads what stands below the head: the prompt, and what stands under `# System`, up to the next heading of that level.
 * A heading `# Prompt` only parts the two. Headings in blocks of code are none.
 */
export function readBody(text: string, firstLine: number): TemplateBody | BodyProblem {
  const parts = { prompt: [] as string[], system: [] as string[] };
  let into: keyof typeof parts = 'prompt';
  let fence: string | null = null;
  let seen = false;
  const lines = text.split('\n');
  const level = partLevel(lines);
  for (const [index, line] of lines.entries()) {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
    if (mark !== undefined) fence = fence === null ? mark.slice(0, 3) : mark.startsWith(fence) ? null : fence;
    const found = fence === null ? headingIn(line) : null;
    const heading = found?.level === level ? found.name : undefined;
    if (heading !== undefined && SYSTEM.test(heading)) {
      if (seen)
        return { line: firstLine + index, problem: 'has a second part headed # System', valid: 'one' };
      seen = true;
      into = 'system';
      continue;
    }
    const parted =
      heading !== undefined && (PROMPT.test(heading) || (into === 'system' && USER.test(heading)));
    if (heading !== undefined) into = 'prompt';
    if (!parted) parts[into].push(line);
  }
  const body = { prompt: parts.prompt.join('\n').trim(), system: parts.system.join('\n').trim() };
  if (body.prompt !== '') return body;
  const valid = 'the prompt, with {{places}}, below the head; after # System under a heading # Prompt';
  return { line: firstLine, problem: 'has no prompt', valid };
}
