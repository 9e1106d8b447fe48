const BEGINNING = 150;
const END = 450;

/** A file's data, which nobody reads, by its length alone. */
function withoutData(key: string, value: unknown): unknown {
  return key === 'data' && typeof value === 'string' && value.length > 200
    ? `(${value.length} characters of base64)`
    : value;
}

/** A request as a person looks at it: its beginning with the settings, and its end, where what was filled in stands. */
export function previewOf(request: string): string {
  const text = JSON.stringify(JSON.parse(request, withoutData));
  if (text.length <= BEGINNING + END) return text;
  return `${text.slice(0, BEGINNING).toWellFormed()} … ${text.slice(-END).toWellFormed()}`;
}
