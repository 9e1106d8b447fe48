/** With an `@` somewhere not even the host is certain: before it stands a password, which may contain anything. */
const ADDRESS = /(\b[a-z][a-z\d+.-]*:\/\/)(?:[^\s"'`<>]*@[^\s"'`<>]*|([^\s"'`<>/?#]*[/?#])[^\s"'`<>]+)/gi;

/** A text with nothing of its addresses but scheme and host: a path, a query or a user's name can be a secret. */
export const hostsOnly = (text: string): string => text.replace(ADDRESS, '$1$2…');
