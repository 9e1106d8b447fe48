/** The limits of a server over HTTP, in one place so that tests can lower them. */
export type HttpLimits = {
  /** Bytes in one message, or in an array of them: more than inline work may take. */
  messageBytes: number;
  /** Messages in one array; each may get a reply of 20,000 characters. */
  messages: number;
  /** How long a request's headers may take to arrive, and then its message. */
  headersMs: number;
  messageMs: number;
  /**
   * How long a connection stays open after an answer: longer than proxies keep theirs, or one would send a request over a
   * connection that is just being closed.
   */
  idleMs: number;
  /** How long any request may take, even a large upload. */
  requestMs: number;
  /** The longest an answer may take. */
  answerMs: number;
  /** After so long a silence a stream sends a sign of life, because proxies close silent ones. */
  silenceMs: number;
  /** Answers in progress at one time: in total, and per user. */
  answers: number;
  answersEach: number;
  connections: number;
  /** An upload is given up after so long a silence. */
  uploadSilenceMs: number;
  /** How many files a user may have, their total bytes, and how long each is kept. */
  uploads: number;
  uploadBytesEach: number;
  uploadKeptMs: number;
  /** How long the address of a file stays valid. */
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
