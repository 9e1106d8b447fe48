/**
 * The main job, as a model does it: each turn's call, from what the turns before were shown. What a client shows its model is
 * all that it goes by, so a client that hides a batch's id does not get past the first turn.
 */

const CUT_OFF = { task_id: 'cut', prompt: 'Say as much as there is to say.', max_tokens: 1 };
const requests = [
  { task_id: 'a', prompt: 'Name a river.' },
  { task_id: 'b', prompt: 'Name a mountain.' },
  CUT_OFF,
];

const batchIdIn = (shown) => /batch_[0-9A-Z]{26}/.exec(shown.map(({ text }) => text).join('\n'))?.[0] ?? '';

export const mainJob = [
  () => ({ tool: 'submit_batch', args: { name: 'rivers', requests } }),
  (shown) => ({ tool: 'batch_status', args: { batch_id: batchIdIn(shown), wait_seconds: 20 } }),
  (shown) => ({ tool: 'get_results', args: { batch_id: batchIdIn(shown) } }),
  (shown) => ({ tool: 'retry_batch', args: { batch_id: batchIdIn(shown), max_tokens: 1000 } }),
  (shown) => ({ tool: 'batch_status', args: { batch_id: batchIdIn(shown), wait_seconds: 20 } }),
  (shown) => ({ tool: 'get_results', args: { batch_id: batchIdIn(shown) } }),
  () => ({ tool: 'batch_status', args: { batch_id: 'batch_of_nobody' } }),
];

/** A call that lasts long enough to be canceled, where the batch does. */
export const longWait = [
  () => ({ tool: 'submit_batch', args: { name: 'slow', requests: requests.slice(0, 1) } }),
  (shown) => ({ tool: 'batch_status', args: { batch_id: batchIdIn(shown), wait_seconds: 20 } }),
];

/** Submitted, and followed to its end. */
export const follow = [
  () => ({ tool: 'submit_batch', args: { name: 'followed', requests: requests.slice(0, 1) } }),
  (shown) => ({ tool: 'batch_status', args: { batch_id: batchIdIn(shown), wait_seconds: 90_000 } }),
];
