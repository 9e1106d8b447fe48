import { parseArgs } from 'node:util';
import { BatchError, type Problem } from '../errors.ts';
import { didYouMean, quoteName } from '../lib/nearest.ts';

const flags = {
  provider: { type: 'string' },
  sandbox: { type: 'boolean' },
  'data-dir': { type: 'string' },
  'work-dir': { type: 'string' },
  'allow-dir': { type: 'string', multiple: true },
  'max-cost-usd': { type: 'string' },
  'daily-budget-usd': { type: 'string' },
  'read-only': { type: 'boolean' },
  'log-level': { type: 'string' },
} as const;

const known: ReadonlyMap<string, { type: 'string' | 'boolean' }> = new Map(Object.entries(flags));
const names = [...known.keys()].map((name) => `--${name}`);

function checkFlag(rawName: string, name: string, value: string | undefined, inline: boolean): Problem[] {
  const type = known.get(name)?.type;
  if (type === undefined) {
    return [{ item: quoteName(rawName), problem: `unknown flag${didYouMean(rawName, names)}` }];
  }
  if (type === 'boolean') {
    return value === undefined ? [] : [{ item: rawName, problem: 'has a value', valid: `${rawName} alone` }];
  }
  if (value === undefined || value === '' || (!inline && value.startsWith('-'))) {
    return [{ item: rawName, problem: 'has no value', valid: `${rawName} VALUE, or ${rawName}=VALUE` }];
  }
  return [];
}

/** The arguments that belong to no flag; `--allow-dir a b` takes all that follow it up to the next flag. */
function look(argv: readonly string[]): { problems: Problem[]; folders: string[] } {
  const { tokens } = parseArgs({ args: [...argv], options: flags, strict: false, tokens: true });
  const problems: Problem[] = [];
  const folders: string[] = [];
  let takesFolders = false;
  for (const token of tokens) {
    if (token.kind === 'option') {
      takesFolders = token.name === 'allow-dir';
      problems.push(...checkFlag(token.rawName, token.name, token.value, token.inlineValue ?? false));
    } else if (token.kind === 'positional') {
      if (takesFolders) folders.push(token.value);
      else problems.push({ item: quoteName(token.value), problem: 'belongs to no flag' });
    }
  }
  return { problems, folders };
}

/** Reads the command line. Throws `invalid_input` with every problem at once. */
export function readFlags(argv: readonly string[]) {
  const { problems, folders } = look(argv);
  if (problems.length > 0) {
    throw new BatchError(
      'invalid_input',
      `The command line can't be read; nothing was started. Known flags: ${names.join(', ')}. --help explains them.`,
      { problems },
    );
  }
  const { values } = parseArgs({ args: [...argv], options: flags, allowPositionals: true });
  return { ...values, 'allow-dir': [...(values['allow-dir'] ?? []), ...folders] };
}
