import { stringifyExact } from '../lib/exact-json.ts';

/** How a task's `input_data` becomes the text of a user turn. */

type Input = Readonly<Record<string, unknown>>;

/** Whether a field holds nothing to work on. Zero and false are something. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value === 'string') return value.trim() === '';
  return typeof value === 'object' && Object.keys(value).length === 0;
}

export function asText(value: unknown): string {
  return typeof value === 'string' ? value : stringifyExact(value);
}

/**
 * The text as it is between XML tags, as Anthropic recommends for material. The tag is made another one where
 * the text has its closing tag, which would let the rest of the text pass for instructions.
 */
export function tagged(name: string, text: string): string {
  let tag = name.replaceAll(/[^A-Za-z0-9_.-]/g, '_') || 'field';
  while (text.includes(`</${tag}`)) tag = `${tag}_`;
  return `<${tag}>\n${text}\n</${tag}>`;
}

/** Every field that is not in `used`, each in a tag of its name: nothing that a caller gives is dropped. */
export function otherFields(input: Input, used: readonly string[]): string[] {
  return Object.entries(input)
    .filter(([name]) => !used.includes(name))
    .map(([name, value]) => tagged(name, asText(value)));
}

/** The parts of a user turn, with a blank line between them. */
export function joined(...parts: string[]): string {
  return parts.join('\n\n');
}
