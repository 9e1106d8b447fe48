/** What a batch's blobs are called. In a data folder these are the names of files: they never change. */

/** The tasks, a line each in the caller's order. */
export const TASKS = 'tasks.jsonl';
/** Where these lines stand, and their requests in the parts' bodies. */
export const TASKS_INDEX = 'tasks.idx';

/** Work that waits for the answers it works on, as JSON: all but these. */
export const WAITING_WORK = 'waiting-work.json';

/** The schemas that answers are checked by, a line each; of the first attempt. */
export const SCHEMAS = 'schemas.jsonl';

const ofPart = (part: number, ending: string) => `part-${String(part).padStart(4, '0')}.${ending}`;

/** The exact body that is sent. */
export const partBody = (part: number): string => ofPart(part, 'requests.json');
/** The tasks of a part that lists them. */
export const partTasks = (part: number): string => ofPart(part, 'tasks.jsonl');
/** Of a part that lists its tasks: the schemas that their answers are checked by. */
export const partSchemas = (part: number): string => ofPart(part, 'schemas.jsonl');
/** A later download is another blob: what was written once stays as it is. */
const ofDownload = (part: number, download: number, ending: string) =>
  ofPart(part, `${download === 1 ? 'results' : `results.${download}`}.${ending}`);
/** The results as they were received, verified; where tasks share requests, made of these, one for each task. */
export const partResults = (part: number, download = 1): string => ofDownload(part, download, 'jsonl');
/** Of a part whose tasks share requests: the results as they were received, one for each request. */
export const partReceived = (part: number, download = 1): string =>
  ofPart(part, `${download === 1 ? 'received' : `received.${download}`}.jsonl`);
/** Where the answers stand in them. */
export const partResultsIndex = (part: number, download = 1): string => ofDownload(part, download, 'idx');
