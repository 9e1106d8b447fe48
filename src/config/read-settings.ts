import path from 'node:path';
import type { Problem } from '../errors.ts';
import { hostsOnly } from '../lib/hosts-only.ts';
import { nearest, quoteName } from '../lib/nearest.ts';
import { placeholderIn, plainValue, splitOutsidePlaceholders } from '../lib/placeholder.ts';
import { type DefaultValue, defaultOf, type Setting } from './define-setting.ts';
import { type Given, readFlags } from './flags.ts';
import { allSettings } from './settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What is set, checked. */
export type SettingValues = {
  value: <T, Default extends DefaultValue>(setting: Setting<T, Default>) => T | Default;
  /** Every text of a list; empty if nothing is given. */
  values: <T>(setting: Setting<T>) => T[];
  /** Settings that are ignored, for the person who configured them. */
  notices: string[];
  /** The problems of given values, which are replaced by the defaults. */
  problems: Problem[];
};

/** Set, but empty: desktop clients pass on fields that their user left empty. */
export const isEmpty = (value: string | undefined) => value !== undefined && plainValue(value) === '';

function fromVariables(env: Environment): Given[] {
  return allSettings.flatMap((setting) => {
    const text = env[setting.variable] ?? '';
    const texts = setting.list ? splitOutsidePlaceholders(text, path.delimiter) : [text];
    return texts.map((each) => ({ setting, from: setting.variable, text: each }));
  });
}

/** A flag's texts replace the variable's; repeated flags of a list add up. */
function combine(variables: readonly Given[], flags: readonly Given[]): Given[] {
  const given = [...variables, ...flags]
    .map((each) => ({ ...each, text: plainValue(each.text) }))
    .filter(({ text }) => text !== '');
  return given.filter(
    ({ setting }, index) =>
      setting.list || !given.slice(index + 1).some((later) => later.setting === setting),
  );
}

const named = ({ from, setting }: Given) =>
  from === setting.variable ? from : `${from} (${setting.variable})`;

/** A value for a message. Somebody may have put a key, or the address of a hook, into the wrong variable. */
const quoted = (text: string) => quoteName(hostsOnly(text).replace(/\bsk-[\w-]{8,}/g, '[key]'));

/** A ceiling under a wrong name would have no effect. */
function mistyped(env: Environment): string[] {
  const known = allSettings.map(({ variable }): string => variable);
  const isRead = (name: string) => known.includes(process.platform === 'win32' ? name.toUpperCase() : name);
  return Object.keys(env)
    .filter((name) => /^BATCH_MCP_/i.test(name) && !isRead(name))
    .flatMap((name) => {
      const upper = name.toUpperCase();
      const meant = nearest(upper, known) ?? known.find((each) => each.startsWith(`${upper}_`));
      return meant === undefined ? [] : [`${name} is not a setting and is ignored: did you mean ${meant}?`];
    });
}

/** Reads every setting from the environment and the command line; a flag wins over its variable. */
export function readSettings(env: Environment, argv: readonly string[]): SettingValues {
  const flags = readFlags(argv);
  const problems: Problem[] = [...flags.problems];
  const notices = [
    ...allSettings
      .filter(({ variable }) => isEmpty(env[variable]))
      .map(({ variable }) => `${variable} is empty: it counts as unset`),
    ...mistyped(env),
  ];
  const taken: Given[] = [];
  for (const given of combine(fromVariables(env), flags.given)) {
    const { setting, text } = given;
    const item = named(given);
    const placeholder = setting.isLiteral?.(text) ? undefined : placeholderIn(text);
    const checked = setting.type.schema.safeParse(text);
    if (placeholder !== undefined) {
      const what = setting.secret
        ? 'what looks like a placeholder'
        : `${quoteName(placeholder)}, a placeholder`;
      const problem = `holds ${what} that the MCP client did not fill in`;
      const valid = `its value, or nothing at all for the default (${defaultOf(setting)})`;
      if (setting.protects) problems.push({ item, problem, valid });
      else notices.push(`${item} ${problem}: it counts as unset`);
    } else if (checked.success) taken.push(given);
    else {
      const valid = checked.error.issues.map(({ message }) => message).join(', ');
      const what = setting.secret ? 'what is given' : quoted(text);
      problems.push({ item, problem: `${what} is not valid`, valid });
    }
  }

  function values<T>({ variable, type }: Setting<T>): T[] {
    return taken
      .filter(({ setting }) => setting.variable === variable)
      .map(({ text }) => type.schema.parse(text));
  }
  return {
    values,
    value: (setting) => values(setting)[0] ?? setting.default,
    notices,
    problems,
  };
}
