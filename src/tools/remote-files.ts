import { BatchError, PROBLEMS_NAMED, type Problem } from '../errors.ts';
import { quoteName } from '../lib/nearest.ts';
import type { FileUse, NamedFile } from '../operations/file-argument.ts';

const instead: Record<FileUse, string> = {
  read: 'the work inline, as requests',
  write: 'nothing: get_results gives the answers by pages',
  pattern: 'nothing: get_results gives the answers by pages',
};

/** Throws `not_allowed` where arguments of a caller over HTTP name files: no folder here is theirs. */
export function refuseFiles(named: readonly NamedFile[]): void {
  const problems = named.map(({ field, name, use }): Problem => {
    const problem = `names ${quoteName(name)}, which this server can not see: it is reached over HTTP`;
    return { field, problem, valid: instead[use] };
  });
  if (problems.length === 0) return;
  throw new BatchError('not_allowed', 'Files can not be named over HTTP; nothing was done.', {
    problems: problems.slice(0, PROBLEMS_NAMED),
    problemCount: problems.length,
  });
}
