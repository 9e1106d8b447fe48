/** Before the name of a file that is never written: it is made anew, from the answers, whenever it is fetched by its link. */
const MARK = 'result:';

/** As a record names such a file. */
export const linkedPath = (name: string): string => `${MARK}${name}`;

/** Whether a path in a record is such a file: all others are absolute. */
export const isLinked = (path: string): boolean => path.startsWith(MARK);

/** Its own name. */
export const linkedName = (path: string): string => path.slice(MARK.length);
