import { existsSync } from 'node:fs';
import path from 'node:path';

/** Real data beside the project, which is not part of it. */
const shared = path.resolve(import.meta.dirname, '../../shared/data');

/** The path of a shared file, and what a test that needs it skips itself with where it is absent. */
export function sharedData(name: string): { file: string; missing: string | false } {
  const file = path.join(shared, name);
  return { file, missing: existsSync(file) ? false : `skipped: there is no ../shared/data/${name}` };
}
