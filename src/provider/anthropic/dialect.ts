import type { Dialect } from '../dialect.ts';
import { createLineCounter } from './results/alike-lines.ts';
import { readResultLine } from './results/result-line.ts';

/** The wire of the Message Batches API. */
export const anthropicDialect: Dialect = {
  results: { createCounter: createLineCounter, read: readResultLine },
};
