/** What a batch's blobs are called. In a data folder these are the names of files: they never change. */

/** The tasks, a line each in the caller's order. */
export const TASKS = 'tasks.jsonl';
/** Where these lines stand, and their requests in the parts' bodies. */
export const TASKS_INDEX = 'tasks.idx';

const ofPart = (part: number, ending: string) => `part-${String(part).padStart(4, '0')}.${ending}`;

/** The exact body that is sent. */
export const partBody = (part: number): string => ofPart(part, 'requests.json');
/** The tasks of a part that lists them. */
export const partTasks = (part: number): string => ofPart(part, 'tasks.jsonl');
/** The results as they were received, verified. */
export const partResults = (part: number): string => ofPart(part, 'results.jsonl');
/** Where the answers stand in them. */
export const partResultsIndex = (part: number): string => ofPart(part, 'results.idx');
