/**
 * The lines of a text that is one fenced block and nothing else, as CommonMark has them: three or more backticks or tildes, with
 * a language or anything else behind the first of them. Null for any other text.
 */
export function fencedAlone(text: string): string[] | null {
  const lines = text.trim().split(/\r?\n/);
  const end = endOfFence(lines, 0);
  return end === lines.length - 1 && end > 0 ? lines.slice(1, end) : null;
}

/** The line that closes the fenced block which begins at a line; -1 where none begins there, or it is never closed. */
export function endOfFence(lines: readonly string[], start: number): number {
  const [, backticks, tildes] = /^ {0,3}(?:(`{3,})[^`]*|(~{3,}).*)$/.exec(lines[start] ?? '') ?? [];
  const fence = backticks ?? tildes;
  if (fence === undefined) return -1;
  const mark = fence.charAt(0);
  return lines.findIndex((line, index) => {
    const closing = line.trim();
    return (
      index > start &&
      closing.length >= fence.length &&
      closing === mark.repeat(closing.length) &&
      /^ {0,3}\S/.test(line)
    );
  });
}
