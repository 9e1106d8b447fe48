import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { PlacedSchema } from '../../src/tasks/block.ts';
import { createSchemaList } from '../../src/tasks/schemas.ts';

test('many different schemas are looked at with turns for others between them, and each that is none is told', async () => {
  const schemas = Array.from({ length: 200 }, (_, number): [string, PlacedSchema] => {
    const type = number % 50 === 7 ? 'text' : 'string';
    const schema = JSON.stringify({ type: 'object', properties: { [`k${number}`]: { type } } });
    return [`hash-${number}`, { schema, number, item: `t${number}`, field: 'output_schema' }];
  });
  const list = createSchemaList();
  // The validator is loaded by then.
  await list.check(new Map(schemas.slice(0, 1)));
  let turns = 0;
  let isOver = false;
  const others = (async () => {
    for (; !isOver; turns += 1) await setImmediate();
  })();
  const problems = await list.check(new Map(schemas));
  isOver = true;
  await others;
  expect(problems.map(({ problem }) => problem.item)).toEqual(['t7', 't57', 't107', 't157']);
  expect(turns).toBeGreaterThan(3);
});
