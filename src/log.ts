export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Writes one line to the log. Messages hold no key and no content of a user's. */
export type Log = (level: LogLevel, message: string) => void;

type LogOptions = {
  level: LogLevel;
  write: (line: string) => void;
  /** What must never be shown, whatever a message holds. */
  secrets: readonly string[];
};

/** Replaces every secret in `text` by `[key]`. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce((clean, secret) => clean.replaceAll(secret, '[key]'), text);
}

export function createLog({ level, write, secrets }: LogOptions): Log {
  const threshold = logLevels.indexOf(level);
  return (messageLevel, message) => {
    if (logLevels.indexOf(messageLevel) < threshold) return;
    write(`${new Date().toISOString()} ${messageLevel} ${redact(message, secrets)}\n`);
  };
}
