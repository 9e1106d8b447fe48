import { createInterface } from 'node:readline/promises';
import { stripVTControlCharacters, styleText } from 'node:util';
import stringWidth from 'string-width';

type Style = Parameters<typeof styleText>[0];

/** Where a command reads and writes: the process's own streams, or a test's. */
export type Streams = {
  stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  stdout: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  stderr: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  env: Readonly<Record<string, string | undefined>>;
};

/** What a command says to a person: answers on stdout, everything else on stderr. */
export type Terminal = {
  /** Whether a person can be asked: both stdin and stderr are a terminal. */
  readonly canAsk: boolean;
  /** Columns of stdout; infinite if it is not a terminal, because piped output must not be cut. */
  readonly columns: number;
  style(style: Style, text: string): string;
  /** A line of the answer, on stdout. */
  print(text: string): void;
  /** A line beside the answer, on stderr. */
  note(text: string): void;
  /** Shows a line that the next one replaces. Without a terminal, prints it if it differs from the one before. */
  progress(text: string, plain: string): void;
  /** Takes the progress line away. */
  clear(): void;
  /** Asks for a yes. Any other answer, the end of the input, an abort by `signal` and the lack of a terminal count as no. */
  confirm(question: string, signal?: AbortSignal): Promise<boolean>;
};

const NARROWEST = 20;
const CLEAR_LINE = '\r\u001b[2K';

/** Removes control characters, which could move the cursor or recolour what follows: names and messages come from outside. */
export function printable(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll('\r', ' ')
    .replace(/[^\P{Cc}\n\t]/gu, '');
}

/** Cuts a text to so many columns, wide characters counted as two; what was cut shows as `…`. */
export function fit(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  let fitted = '';
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width += stringWidth(segment);
    if (width > columns - 1) break;
    fitted += segment;
  }
  return `${fitted}…`;
}

export function createTerminal({ stdin, stdout, stderr, env }: Streams): Terminal {
  const colored = stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
  const live = stderr.isTTY === true && env.TERM !== 'dumb';
  let shown = false;
  let lastPlain = '';

  // The reader may leave first, as `| head -1` does. The work goes on; there is just nobody left to tell.
  for (const stream of [stdout, stderr]) stream.on('error', () => {});

  const clear = () => {
    if (shown) stderr.write(CLEAR_LINE);
    shown = false;
  };
  const canAsk = stdin.isTTY === true && stderr.isTTY === true;
  return {
    canAsk,
    columns: stdout.isTTY ? Math.max(NARROWEST, stdout.columns ?? 80) : Number.POSITIVE_INFINITY,
    style: (style, text) => (colored ? styleText(style, text, { validateStream: false }) : text),
    print(text) {
      clear();
      stdout.write(`${text}\n`);
    },
    note(text) {
      clear();
      // Colours depend on stdout, so a file that stderr is redirected to holds none.
      stderr.write(`${stderr.isTTY ? text : stripVTControlCharacters(text)}\n`);
    },
    progress(text, plain) {
      if (live) {
        stderr.write(`${CLEAR_LINE}${fit(text, Math.max(NARROWEST, stderr.columns ?? 80) - 1)}`);
        shown = true;
      } else if (plain !== lastPlain) stderr.write(`${plain}\n`);
      lastPlain = plain;
    },
    clear,
    async confirm(question, signal) {
      if (!canAsk || signal?.aborted) return false;
      clear();
      const lines = createInterface({ input: stdin, output: stderr });
      const ended = new Promise<null>((resolve) => lines.once('close', () => resolve(null)));
      // In raw mode Ctrl-C is a key like any other; otherwise the terminal turns it into a signal.
      lines.once('SIGINT', () => {
        lines.close();
        process.emit('SIGINT');
      });
      const end = () => lines.close();
      signal?.addEventListener('abort', end, { once: true });
      try {
        const answer = await Promise.race([lines.question(`${question} [y/N] `), ended]);
        // Nobody ended the line.
        if (answer === null) stderr.write('\n');
        return /^y(es)?$/i.test(answer?.trim() ?? '');
      } finally {
        signal?.removeEventListener('abort', end);
        lines.close();
      }
    },
  };
}
