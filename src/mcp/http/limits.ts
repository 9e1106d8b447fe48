/** What bounds a server over HTTP, in one place so that a test can make it small. */
export type HttpLimits = {
  /** Bytes of one message, or of several in an array: more than inline work may take. */
  messageBytes: number;
  /** Messages of one array: each may have a reply of 20,000 characters. */
  messages: number;
  /** A request's headers arrive within so many milliseconds, a message within so many after them. */
  headersMs: number;
  messageMs: number;
  /** A connection is kept for so long after an answer: longer than proxies keep theirs, or one would send a request on a connection that ends just then. */
  idleMs: number;
  /** And any request whatever: as long as a large upload may take. */
  requestMs: number;
  /** No answer takes longer. */
  answerMs: number;
  /** A stream that says nothing for so long says that it is still there: proxies end what is silent. */
  silenceMs: number;
  /** Answers on their way at one time: of all, and of one user. */
  answers: number;
  answersEach: number;
  connections: number;
  /** An upload that brings nothing for so long is given up. */
  uploadSilenceMs: number;
  /** Files that one user may have, their bytes together, and for how long each is kept. */
  uploads: number;
  uploadBytesEach: number;
  uploadKeptMs: number;
  /** For how long the address of a file counts. */
  linkMs: number;
};

export const defaultHttpLimits: HttpLimits = {
  messageBytes: 8_000_000,
  messages: 50,
  headersMs: 10_000,
  messageMs: 30_000,
  idleMs: 130_000,
  requestMs: 900_000,
  answerMs: 120_000,
  silenceMs: 15_000,
  answers: 256,
  answersEach: 32,
  connections: 1_024,
  uploadSilenceMs: 30_000,
  uploads: 100,
  uploadBytesEach: 3_000_000_000,
  uploadKeptMs: 24 * 60 * 60_000,
  linkMs: 60 * 60_000,
};
