import { batchStatus } from './batch-status.ts';
import { cancelBatch } from './cancel-batch.ts';
import { estimateCost } from './estimate-cost.ts';
import { getResults } from './get-results.ts';
import { listBatches } from './list-batches.ts';
import { retryBatch } from './retry-batch.ts';
import { submitBatch } from './submit-batch.ts';
import type { Tool } from './tool.ts';

export const tools: readonly Tool[] = [
  submitBatch,
  batchStatus,
  getResults,
  estimateCost,
  cancelBatch,
  retryBatch,
  listBatches,
];

/** What a read-only server offers. */
export const readOnlyTools: readonly Tool[] = [batchStatus, getResults, estimateCost, listBatches];
