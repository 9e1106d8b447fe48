import { stringifyExact } from '../../lib/exact-json.ts';
import type { BatchRecord } from '../../store/record.ts';
import type { Answer } from '../answer.ts';
import { whatIsOpen } from './open-markdown.ts';

export function markdownHead({ name, provider }: Pick<BatchRecord, 'name' | 'provider'>): string {
  const note = provider === 'sandbox' ? '\nThese answers are made up: they come from the sandbox.\n' : '';
  return `# ${oneLine(name)}\n${note}`;
}

/** An answer under its task's id as a heading. */
export function markdownSection({
  task_id,
  outcome,
  text,
  json,
  tool_calls,
  error,
  left_out,
  expected,
}: Answer): string {
  const said = json === undefined ? closed(text ?? '') : codeBlock(json);
  const body = [said, tool_calls ? codeBlock(tool_calls) : ''].filter((part) => part !== '').join('\n\n');
  const note = error
    ? `*${outcome}: ${error.type}: ${oneLine(error.message)}*\n\n`
    : outcome === 'succeeded'
      ? ''
      : `*${outcome}*\n\n`;
  const rest = left_out === undefined ? '' : `\n\n*left out here: ${left_out.map(oneLine).join(', ')}*`;
  const beside = expected === false ? '*not as expected*\n\n' : '';
  return `\n## ${oneLine(task_id)}\n\n${note}${beside}${body}${rest}\n`;
}

/** A text that takes nothing below it for its own, as one does that was cut off within a block of code. */
function closed(text: string): string {
  const end = whatIsOpen(text);
  return end === null ? text : `${text}${text.endsWith('\n') ? '' : '\n'}${end}`;
}

const codeBlock = (value: unknown) => `\`\`\`json\n${stringifyExact(value, 2)}\n\`\`\``;

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}
