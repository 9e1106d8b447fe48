import { expect, test } from 'vitest';
import { commands } from '../../src/cli/commands/index.ts';
import { createProgram, helps } from '../../src/cli/program.ts';

const all = createProgram(commands, async () => {}).commands;

test.each(all.map((command) => ({ name: command.name(), options: command.options })))(
  'every option of $name says what it is for, without the words of tools',
  ({ options }) => {
    const said = options.map(({ long, description }) => ({ long, description: description.trim() }));
    expect(said.filter(({ description }) => !/\p{L}{3}.* /u.test(`${description} `))).toEqual([]);
    expect(
      said.filter(({ description }) => /estimate_cost|submit_batch|get_results/.test(description)),
    ).toEqual([]);
  },
);

test('what is said of an option is said of one that is there', () => {
  const there = commands.flatMap(({ name, operation }) =>
    Object.keys(operation?.input.shape ?? {}).flatMap((argument) => [argument, `${name}.${argument}`]),
  );
  expect(Object.keys(helps).filter((key) => !there.includes(key))).toEqual([]);
});
