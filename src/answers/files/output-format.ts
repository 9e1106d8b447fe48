import path from 'node:path';
import { BatchError } from '../../errors.ts';
import { isActedOn, isDevice } from './name-pattern.ts';

/** What an output file's ending says; `raw` are the provider's lines as received. */
const outputEndings = {
  raw: '.raw.jsonl',
  json: '.json',
  jsonl: '.jsonl',
  csv: '.csv',
  md: '.md',
} as const;

export type OutputFormat = keyof typeof outputEndings;

const formats: OutputFormat[] = ['raw', 'json', 'jsonl', 'csv', 'md'];

/** The format that a file's ending asks for. Throws `invalid_input` for others, and for names that are acted on. */
export function outputFormat(file: string): OutputFormat {
  const name = path.basename(file).toLowerCase();
  const format = formats.find((candidate) => {
    const ending = outputEndings[candidate];
    return name.endsWith(ending) && name.length > ending.length;
  });
  if (format !== undefined && /\{\{[^{}]+\}\}/.test(file)) {
    throw new BatchError('invalid_input', 'output_file has a place in its name; nothing was done.', {
      problems: [
        {
          field: 'output_file',
          problem: 'is one file of all answers, so no {{place}} of it is filled',
          valid: 'a plain name; output_pattern for a file per answer',
        },
      ],
    });
  }
  if (format !== undefined && isDevice(name)) {
    throw new BatchError('invalid_input', 'output_file has a name that no file can have; nothing was done.', {
      problems: [
        {
          field: 'output_file',
          problem: 'Windows takes it for a device, and what is written there is lost',
          valid: 'another name, as results.csv',
        },
      ],
    });
  }
  if (format !== undefined && isActedOn(name)) {
    throw new BatchError('not_allowed', 'output_file has a name that programs act on; nothing was done.', {
      problems: [
        { field: 'output_file', problem: 'a reserved name', valid: 'another one, as results.jsonl' },
      ],
    });
  }
  if (format !== undefined) return format;
  throw new BatchError('invalid_input', 'output_file has an unknown ending; nothing was done.', {
    problems: [
      {
        field: 'output_file',
        problem: 'unknown ending',
        valid: '.json, .jsonl, .csv, .md or .raw.jsonl (the lines as the API sent them)',
      },
    ],
  });
}

/** Prefix of files that are never written: they are made from the answers whenever they are fetched by their link. */
const MARK = 'result:';

/** How a record names such a file. */
export const linkedPath = (name: string): string => `${MARK}${name}`;

/** Whether a path in a record is such a file; all other paths are absolute. */
export const isLinked = (path: string): boolean => path.startsWith(MARK);

/** Such a file's own name. */
export const linkedName = (path: string): string => path.slice(MARK.length);
