import type * as z from 'zod';
import { BatchError, PROBLEMS_NAMED, type Problem } from '../errors.ts';
import { quoteName } from '../lib/nearest.ts';
import { type FileUse, mapFiles, type NamedFile } from '../operations/file-argument.ts';

/** One of the caller's uploads, or a pattern of their names; `!` excludes. */
const UPLOAD = /^(?<excludes>!?)upload:(?<name>[\w*?][\w.*?-]{0,127})$/;
/** A bare name: the last part of a link rather than a file. */
const PLAIN = /^\w[\w.-]{0,127}$/;

const valid: Record<FileUse, string> = {
  read: 'work inline (requests), or a file sent with PUT /files/<name> before, as upload:<name>',
  write: 'a name alone, as answers.csv: its address is in output_files when the batch has ended',
  pattern: 'output_file, as answers.csv, which holds all answers',
};

/** The name that a file argument stands for in the caller's uploads or links; null where it can't be one. */
function meantBy({ name, use }: NamedFile): string | null {
  if (use === 'pattern') return null;
  if (use === 'write') return PLAIN.test(name) ? name : null;
  const upload = UPLOAD.exec(name)?.groups;
  return upload === undefined ? null : `${upload.excludes}${upload.name}`;
}

/**
 * The arguments of a caller over HTTP, whose files are their uploads: no folder here is theirs. Throws `not_allowed`
 * for arguments that name anything else.
 */
export function withUploads(input: z.ZodObject, args: unknown): unknown {
  const problems: Problem[] = [];
  const meant = mapFiles(input, args, (file) => {
    const name = meantBy(file);
    if (name !== null) return name;
    const problem = `names ${quoteName(file.name)}, and this server is reached over HTTP: it sees no file of yours`;
    problems.push({ field: file.field, problem, valid: valid[file.use] });
    return file.name;
  });
  if (problems.length === 0) return meant;
  throw new BatchError('not_allowed', 'Files cannot be named over HTTP; nothing was done.', {
    problems: problems.slice(0, PROBLEMS_NAMED),
    problemCount: problems.length,
  });
}
