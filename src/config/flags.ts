import { parseArgs } from 'node:util';
import type { Problem } from '../errors.ts';
import { hostsOnly } from '../lib/hosts-only.ts';
import { didYouMean, quoteName } from '../lib/nearest.ts';
import { flagsOf, type Setting } from './define-setting.ts';
import { allSettings } from './settings.ts';

/** A text given for a setting, and the flag or variable that gave it, as it was typed. */
export type Given = { setting: Setting; from: string; text: string };

type Flag = { setting: Setting; takesValue: boolean; shorthandFor?: string };

const flags: ReadonlyMap<string, Flag> = new Map(
  allSettings.flatMap((setting) => {
    const { flag, shorthand, type } = setting;
    const own: Flag = { setting, takesValue: type.name !== null };
    return [
      ...(flag === undefined ? [] : [[flag, own] as const]),
      ...(shorthand === undefined
        ? []
        : [[shorthand.flag, { setting, takesValue: false, shorthandFor: shorthand.value }] as const]),
    ];
  }),
);

/** `-5` is a wrong amount, not a flag. */
const LOOKS_LIKE_A_FLAG = /^-(?!\d)/;

const knownFlags = allSettings.flatMap(flagsOf);

const options = Object.fromEntries(
  [...flags].map(([name, { takesValue }]) => [
    name,
    { type: takesValue ? ('string' as const) : ('boolean' as const) },
  ]),
);

function unknownFlag(name: string): Problem {
  const near = didYouMean(name, knownFlags);
  return {
    item: quoteName(name),
    problem: `unknown flag${near}`,
    ...(near === '' && { valid: knownFlags.join(', ') }),
  };
}

/**
 * Reads the command line: the texts given for each setting, and what can't be read. `--allow-dir a b` takes everything up
 * to the next flag. Of two values for one setting the last counts, and a shorthand comes before all others.
 */
export function readFlags(argv: readonly string[]): { given: Given[]; problems: Problem[] } {
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true });
  const given: Given[] = [];
  const shorthands: Given[] = [];
  const problems: Problem[] = [];
  let list: { setting: Setting; from: string } | undefined;
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') {
      if (list) given.push({ ...list, text: token.value });
      else
        problems.push({
          item: quoteName(hostsOnly(token.value)),
          problem: 'belongs to no flag; a command goes first',
        });
      continue;
    }
    const { rawName: from, value, inlineValue } = token;
    const flag = flags.get(token.name);
    list = flag?.setting.list && { setting: flag.setting, from };
    if (flag === undefined) {
      problems.push(unknownFlag(from));
    } else if (!flag.takesValue) {
      if (value !== undefined) problems.push({ item: from, problem: 'has a value', valid: `${from} alone` });
      else if (flag.shorthandFor === undefined) given.push({ setting: flag.setting, from, text: 'true' });
      else shorthands.push({ setting: flag.setting, from, text: flag.shorthandFor });
    } else if (value === undefined || value === '' || (!inlineValue && LOOKS_LIKE_A_FLAG.test(value))) {
      const valid = `${from} <${flag.setting.type.name}>, or ${from}=<${flag.setting.type.name}>`;
      problems.push({ item: from, problem: 'has no value', valid });
    } else given.push({ setting: flag.setting, from, text: value });
  }
  return { given: [...given, ...shorthands], problems };
}
