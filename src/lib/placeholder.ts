/**
 * How MCP clients, shells and documentation write a value that is still to be filled in: `${NAME}`, `${{ name }}`,
 * `$(NAME)`, `{{name}}`, `{env:NAME}` and `<name>` anywhere; `$NAME`, `$env:NAME` and `%NAME%` where a word begins.
 * `%C3%` is a byte of a URL.
 */
const PLACEHOLDER =
  /\$\{[^}]*\}{0,2}|\$\([^)]*\)|\{\{[^{}]*\}\}|\{(?:env|file):[^{}]*\}|<[^<>]+>|(?<![A-Za-z0-9])(?:\$(?:env:)?[A-Za-z_]\w*|%(?![\dA-Fa-f]{2}%)[A-Za-z_]\w*(?:\(x86\))?%)/;

/**
 * Values that stand for an absent one in documentation and programs: `your-api-key`, `sk-ant-...`, `undefined`; and
 * references to where one would come from: `op://vault/item/key`, `env:NAME`, `process.env.NAME`.
 */
const SAMPLE =
  /^(?:undefined|null|\[[^\]"{}]*\]|.*(?:\.{3}|…)|sk-ant-(?:[\w-]*x{4,}|(?:api\d+-)?x+)|op:\/\/.+|(?:env:|process\.env\.)\w+|(?:your|insert|enter|paste|replace)(?:[-_ ]\w+)*[-_ ](?:key|token|secret|here|url|dir|directory|folder|path|limit|value|name|id)s?)$/i;

/** A value without surrounding blanks and quotes: not every program that reads a file of variables removes those. */
export function plainValue(value: string): string {
  const text = value.trim();
  return /^(?:"[^"]*"|'[^']*')$/.test(text) ? text.slice(1, -1).trim() : text;
}

/** The first placeholder in a value; undefined where there is none. */
export function placeholderIn(value: string): string | undefined {
  return (PLACEHOLDER.exec(value) ?? SAMPLE.exec(value.trim()))?.[0];
}

const WHOLE = new RegExp(`^(?:Bearer )?(?:${PLACEHOLDER.source})$`, 'i');

/** Whether a value is a placeholder and nothing else: a key may contain any characters. */
export function isPlaceholder(value: string): boolean {
  return WHOLE.test(value.trim()) || SAMPLE.test(value.trim());
}

/** Splits a text at a separator, but not within a placeholder: `${HOME:-/root}` is one piece. */
export function splitOutsidePlaceholders(text: string, separator: string): string[] {
  const hidden = text.replace(new RegExp(PLACEHOLDER, 'g'), (each) => each.replaceAll(separator, '\0'));
  return hidden.split(separator).map((piece) => piece.replaceAll('\0', separator));
}
