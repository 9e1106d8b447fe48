import path from 'node:path';
import { counted } from '../lib/numbers.ts';
import type { Prepared } from './prepare.ts';
import type { Work, WorkSource } from './work.ts';

const LONGEST = 100;

/** A name for a batch that was given none: from its file and its task types, as `orders: analyze_logs`. */
export function makeName(
  work: Work,
  { request_count, task_types }: Pick<Prepared, 'request_count' | 'task_types'>,
): string {
  const kinds = task_types.slice(0, 3).join(', ') + (task_types.length > 3 ? ', …' : '');
  const tasks = counted(request_count, 'task');
  const what = kinds === '' ? tasks : `${tasks} (${kinds})`;
  const source = sourceName(work.source);
  return (source === null ? what : `${source}: ${what}`).slice(0, LONGEST);
}

function sourceName(source: WorkSource): string | null {
  switch (source.kind) {
    case 'requests':
      return null;
    case 'requests_file':
    case 'rows_file':
      return path.basename(source.path).replace(/\.(jsonl?|ndjson|[ct]sv|txt)$/i, '');
    case 'input_files':
      return source.patterns.find((pattern) => !pattern.startsWith('!')) ?? null;
    case 'from_batch':
      return `from ${source.name}`;
  }
}
