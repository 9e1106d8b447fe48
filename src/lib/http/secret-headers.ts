/** Headers as the SDK reads them from a variable: a line for each, `name: value`. Names come out in lower case. */
export function parseHeaderLines(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.includes(':'));
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}

const SECRET_NAME = /auth|key|token|secret|cookie|password|credential/;

/** What of headers is a secret, by their names: without the scheme before it, as `Bearer`. */
export function secretsOfHeaders(headers: Readonly<Record<string, string>>): string[] {
  return Object.entries(headers)
    .filter(([name]) => SECRET_NAME.test(name))
    .map(([, value]) => value.replace(/^(?:bearer|basic)\s+/i, ''));
}
