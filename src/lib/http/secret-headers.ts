/** Parses headers as the SDK reads them from a variable: one `name: value` per line. Names become lower case. */
export function parseHeaderLines(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.includes(':'));
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}

const SECRET_NAME = /auth|key|token|secret|cookie|passw|pwd|credential|signature|session|jwt|bearer/i;

/**
 * The values of headers whose names sound secret, and each word and parameter in them, as an error may quote a value
 * without its scheme.
 */
export function secretsOfHeaders(headers: Readonly<Record<string, string>>): string[] {
  return Object.entries(headers)
    .filter(([name]) => SECRET_NAME.test(name))
    .flatMap(([, value]) => [value, ...value.split(/[\s;,]+/).flatMap(formsOfWord)]);
}

/** `session=abc` also gives `abc`, and Basic credentials also give their password. */
function formsOfWord(word: string): string[] {
  const parameter = word.replace(/^[\w.-]+=(?=[^=])/, '').replace(/^"|"$/g, '');
  const [, password = ''] =
    /^[\x20-\x7e]*?:([\x20-\x7e]+)$/.exec(Buffer.from(word, 'base64').toString()) ?? [];
  return [word, parameter, password];
}

/** The secrets in a URL: the password, or a user name without one; as written, decoded, and as Basic encodes them. */
function secretsOfAddress(address: string): string[] {
  const [, user = '', password] =
    /^(?:[a-z][a-z0-9+.-]*:\/\/)?([^/?#]*?)(?::([^/?#]*))?@/i.exec(address) ?? [];
  const [name, secret] = [decoded(user), decoded(password ?? '')];
  const basic = Buffer.from(`${name}:${secret}`).toString('base64');
  return password === undefined ? [user, name] : [password, secret, basic];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

/** Letters and digits that nobody could guess, as in the address of a hook or of a gateway. */
const UNGUESSABLE = /^(?=.*[a-z])(?=.*\d)[\w.:~%+=-]{16,}$/i;

/** The secrets in a URL behind its host: unguessable steps of its path, and all values of its query. */
export function secretsOfRoute(address: string): string[] {
  if (!URL.canParse(address)) return [];
  const { pathname, search, searchParams } = new URL(address);
  const steps = pathname.split('/').filter((step) => UNGUESSABLE.test(step));
  return [...steps, ...search.split(/[?&][^=]*=/), ...searchParams.values()];
}

const SECRET_VARIABLE = /^(?:ANTHROPIC|AWS|PG)_?(?:.*_)?(?:KEY|KEY_ID|TOKEN|SECRET|PASSWORD)$/i;

/** The secrets among variables: keys, tokens and passwords, also those in custom headers and proxy URLs. */
export function secretsOfVariables(set: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(set).flatMap(([name, value]) => {
    if (value === undefined) return [];
    if (/^ANTHROPIC_CUSTOM_HEADERS$/i.test(name)) return secretsOfHeaders(parseHeaderLines(value));
    if (/^(?:https?|all)_proxy$/i.test(name)) return secretsOfAddress(value);
    if (/^(?:ANTHROPIC_BASE_URL|AWS_ENDPOINT_URL)/i.test(name)) return secretsOfRoute(value);
    return SECRET_VARIABLE.test(name) ? [value] : [];
  });
}
