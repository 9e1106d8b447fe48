/** Keywords that hold one schema, or a list of schemas (JSON Schema 2020-12 and draft 7). */
export const ONE_OR_LIST: readonly string[] = [
  'items',
  'anyOf',
  'allOf',
  'oneOf',
  'prefixItems',
  'not',
  'if',
  'then',
  'else',
  'contains',
];

/** Keywords that hold schemas by name. */
export const BY_NAME: readonly string[] = [
  'properties',
  '$defs',
  'definitions',
  'patternProperties',
  'dependentSchemas',
];
