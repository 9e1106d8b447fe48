/** How a command ended, for scripts: docs/terminal.md lists them. */
export const exitCode = {
  done: 0,
  failed: 1,
  wrongUsage: 2,
  /** The batch has not ended, or waiting took too long: go on later. */
  notEnded: 3,
  /** All results are in, and some tasks have no finished answer. */
  someTasksFailed: 4,
  interrupted: 130,
  terminated: 143,
} as const;
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];
