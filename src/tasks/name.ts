import path from 'node:path';
import type { Prepared } from './prepare.ts';
import type { Work } from './work.ts';

const LONGEST = 100;

/** A name for a batch that was given none: from its file and its task types, as `orders: analyze_logs`. */
export function makeName(
  work: Work,
  { request_count, task_types }: Pick<Prepared, 'request_count' | 'task_types'>,
): string {
  const kinds = task_types.slice(0, 3).join(', ') + (task_types.length > 3 ? ', …' : '');
  const tasks = request_count === 1 ? '1 task' : `${request_count} tasks`;
  const what = kinds === '' ? tasks : `${tasks} (${kinds})`;
  if (work.source.kind === 'requests') return what.slice(0, LONGEST);
  const file = path.basename(work.source.path).replace(/\.jsonl?$/i, '');
  return `${file}: ${what}`.slice(0, LONGEST);
}
