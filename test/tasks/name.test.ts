import { expect, it } from 'vitest';
import { makeName } from '../../src/operations/work/new-record.ts';
import type { WorkSource } from '../../src/tasks/work.ts';

const inline: WorkSource = { kind: 'requests', items: [] };
const file = (path: string): WorkSource => ({ kind: 'requests_file', path });

function nameOf(source: WorkSource, request_count: number, task_types: string[]): string {
  return makeName({ source, defaults: {} }, { request_count, task_types });
}

const rows: [source: WorkSource, count: number, types: string[], name: string][] = [
  [inline, 1, [], '1 task'],
  [inline, 20, ['analyze_logs'], '20 tasks (analyze_logs)'],
  [inline, 5, ['a', 'b', 'c', 'd'], '5 tasks (a, b, c, …)'],
  [file('/work/orders.jsonl'), 3, ['a'], 'orders: 3 tasks (a)'],
  [file('in/Orders.2026.JSON'), 1, [], 'Orders.2026: 1 task'],
  [file(`${'x'.repeat(200)}.json`), 1, [], 'x'.repeat(100)],
];

it.each(rows)('%j, %i tasks of %j', (source, count, types, name) => {
  expect(nameOf(source, count, types)).toBe(name);
});
