/**
 * What MCP clients, shells and documentation write where a value is still to be filled in: `${NAME}`, `${{ name }}`, `$(NAME)`,
 * `{{name}}`, `{env:NAME}` and `<name>` anywhere; `$NAME`, `$env:NAME` and `%NAME%` where a word begins. `%C3%` is a byte of a URL.
 */
const PLACEHOLDER =
  /\$\{[^}]*\}{0,2}|\$\([^)]*\)|\{\{[^{}]*\}\}|\{(?:env|file):[^{}]*\}|<[^<>]+>|(?<![A-Za-z0-9])(?:\$(?:env:)?[A-Za-z_]\w*|%(?![\dA-Fa-f]{2}%)[A-Za-z_]\w*(?:\(x86\))?%)/;

/**
 * What stands whole where a value belongs, as documentation and programs write none: `your-api-key`, `sk-ant-...`, `undefined`; and
 * where it would come from: `op://vault/item/key`, `env:NAME`, `process.env.NAME`.
 */
const SAMPLE =
  /^(?:undefined|null|\[[^\]"{}]*\]|.*(?:\.{3}|…)|sk-ant-(?:[\w-]*x{4,}|(?:api\d+-)?x+)|op:\/\/.+|(?:env:|process\.env\.)\w+|(?:your|insert|enter|paste|replace)(?:[-_ ]\w+)*[-_ ](?:key|token|secret|here|url|dir|directory|folder|path|limit|value|name|id)s?)$/i;

/** A value without the blanks and quotes around it: not every program that reads a file of variables takes those off. */
export function plainValue(value: string): string {
  const text = value.trim();
  return /^(?:"[^"]*"|'[^']*')$/.test(text) ? text.slice(1, -1).trim() : text;
}

/** The first placeholder in a value that should hold none; undefined where there is none. */
export function placeholderIn(value: string): string | undefined {
  return (PLACEHOLDER.exec(value) ?? SAMPLE.exec(value.trim()))?.[0];
}

const WHOLE = new RegExp(`^(?:Bearer )?(?:${PLACEHOLDER.source})$`, 'i');

/** Whether a value is a placeholder and nothing else: a key may hold any signs, and only then is it none. */
export function isPlaceholder(value: string): boolean {
  return WHOLE.test(value.trim()) || SAMPLE.test(value.trim());
}

/** Splits a text at a separator, but within no placeholder: `${HOME:-/root}` is one piece. */
export function splitOutsidePlaceholders(text: string, separator: string): string[] {
  const hidden = text.replace(new RegExp(PLACEHOLDER, 'g'), (each) => each.replaceAll(separator, '\0'));
  return hidden.split(separator).map((piece) => piece.replaceAll('\0', separator));
}
