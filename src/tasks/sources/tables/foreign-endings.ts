import path from 'node:path';
import type { Problem } from '../../../errors.ts';

const SHEET = 'the sheet saved as CSV (UTF-8)';
const EXPORTED = 'its rows as .csv or .jsonl, as DuckDB and pandas write them';
const UNPACKED = 'what is inside, with its own ending: .csv, .tsv, .json, .jsonl or .txt';

const kinds: [endings: string, what: string, valid: string][] = [
  ['.xlsx .xls .xlsm .xlsb', 'is an Excel workbook', SHEET],
  ['.ods .fods', 'is a LibreOffice spreadsheet', SHEET],
  ['.numbers', 'is a Numbers spreadsheet', 'the sheet exported as CSV (File, Export To, CSV)'],
  ['.gsheet', 'is a link to a Google sheet', 'the sheet downloaded as CSV'],
  ['.gz .tgz', 'is compressed with gzip', `${UNPACKED} (gunzip)`],
  ['.zip', 'is a zip archive', `${UNPACKED} (unzip)`],
  ['.zst .bz2 .xz .lz4 .br .7z .rar .tar', 'is compressed', UNPACKED],
  ['.parquet', 'is a Parquet file', EXPORTED],
  ['.arrow .feather .avro .orc', 'is a columnar file', EXPORTED],
  [
    '.db .sqlite .sqlite3 .duckdb .mdb .accdb',
    'is a database',
    'the rows of a query as CSV (sqlite3 -header -csv)',
  ],
  ['.sav .dta .sas7bdat .rds .rdata', "is a statistics program's file", 'its rows exported as CSV'],
  ['.xml .yaml .yml .toml', 'is not a table', 'its rows as CSV, or as a JSON array of objects'],
  ['.log', 'is a log', 'the same file named .txt, a row per line; or input_files with split_chars'],
  [
    '.pdf .docx .doc .rtf .pptx .html .htm .md .png .jpg .jpeg .gif .webp',
    'is a document, not a table',
    'input_files, a task per file (text, PDF, PNG, JPEG, GIF, WebP)',
  ],
];

const byEnding = new Map(
  kinds.flatMap(([endings, problem, valid]) =>
    endings.split(' ').map((ending) => [ending, { problem, valid }] as const),
  ),
);

/** What a file that can't be read as a table is by its ending, and what to do with it; undefined for an unknown ending. */
export const foreignTable = (file: string): Pick<Problem, 'problem' | 'valid'> | undefined =>
  byEnding.get(path.extname(file).toLowerCase());

/** What can't be made a table. */
const DOCUMENTS = new Set(['is a document, not a table', 'is a log', 'is not a table']);

/** Whether a file is by its ending a table that is to be saved or unpacked as another one first. */
export function isTableElsewhere(file: string): boolean {
  const found = foreignTable(file);
  return found !== undefined && !DOCUMENTS.has(found.problem);
}
