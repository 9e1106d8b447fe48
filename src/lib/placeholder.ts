/**
 * What MCP clients, shells and documentation write where a value is still to be filled in: `${NAME}`, `$(NAME)`,
 * `{{name}}` and `<name>` anywhere; `$NAME`, `$env:NAME` and `%NAME%` where a word begins. `%C3%` is a byte of a URL.
 */
const PLACEHOLDER =
  /\$\{[^}]*\}?|\$\([^)]*\)|\{\{[^{}]*\}\}|<[^<>]+>|(?<![A-Za-z0-9])(?:\$(?:env:)?[A-Za-z_]\w*|%(?![\dA-Fa-f]{2}%)[A-Za-z_]\w*(?:\(x86\))?%)/;

/** The first placeholder in a value that should hold none; undefined where there is none. */
export function placeholderIn(value: string): string | undefined {
  return PLACEHOLDER.exec(value)?.[0];
}

/** Splits a text at a separator, but within no placeholder: `${HOME:-/root}` is one piece. */
export function splitOutsidePlaceholders(text: string, separator: string): string[] {
  const hidden = text.replace(new RegExp(PLACEHOLDER, 'g'), (each) => each.replaceAll(separator, '\0'));
  return hidden.split(separator).map((piece) => piece.replaceAll('\0', separator));
}
