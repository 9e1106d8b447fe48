import { hash } from 'node:crypto';
import { BatchError, type Problem } from '../../errors.ts';
import type { AllowedFolders } from '../../lib/files/allowed-folders.ts';
import { quoteName } from '../../lib/nearest.ts';
import type { ContextDocument } from '../../provider/dialect.ts';
import { findFiles } from './files/find-files.ts';
import { type FileItem, openFiles, readFileItems } from './files/read-files.ts';
import { NOT_MEANT, type Skipped, skippedText } from './files/skipped.ts';

/** With room for the task itself in a request of 32 MB (the API's limit). */
const LONGEST_CONTEXT_BYTES = 30_000_000;

export type ReadContext = {
  documents: ContextDocument[];
  /** What was left out because nobody means it. */
  notes: string[];
};

/**
 * The documents that stand before each task, in the order of the patterns and then of their names. Throws
 * `invalid_input` where one can't be used: a task that lacks a document would be answered all the same.
 */
export async function readContext(
  patterns: readonly string[],
  folders: AllowedFolders,
): Promise<ReadContext> {
  const skipped: Skipped = new Map();
  const documents: ContextDocument[] = [];
  let bytes = 0;
  for await (const file of openFiles(findFiles(patterns, folders, skipped), folders, 1)) {
    for await (const item of readFileItems(file, { split_chars: undefined, skipped })) {
      const document = toDocument(item);
      bytes += 'text' in document ? Buffer.byteLength(document.text) : document.attachment.data.length;
      // Each document has its own limit, and many of them would fill the memory before anything else says no.
      if (bytes > LONGEST_CONTEXT_BYTES)
        throw refused({ problem: 'holds more than a request can', valid: 'at most 30 MB in all' });
      documents.push(document);
    }
  }
  const missing = skippedText(skipped, (reason) => !NOT_MEANT.includes(reason));
  if (missing !== '') {
    throw refused({
      problem: `would leave out ${missing}`,
      valid: 'text, PDFs and images; leave others out with !',
    });
  }
  if (documents.length === 0)
    throw refused({ problem: 'match no file', valid: 'paths or globs of text files, PDFs or images' });
  const leftOut = skippedText(skipped);
  return { documents, notes: leftOut === '' ? [] : [`Of context_files these are left out: ${leftOut}.`] };
}

function toDocument(item: FileItem): ContextDocument {
  if ('problem' in item) {
    throw refused({ ...item.problem, problem: `${quoteName(item.task_id)}: ${item.problem.problem}` });
  }
  const name = item.task_id;
  return 'text' in item
    ? { name, text: item.text, sha256: hash('sha256', item.text) }
    : { name, attachment: item.attachment, sha256: hash('sha256', item.attachment.data) };
}

function refused(problem: Problem): BatchError {
  return new BatchError('invalid_input', 'The work was refused; nothing was sent.', {
    problems: [{ ...problem, field: 'context_files' }],
  });
}
