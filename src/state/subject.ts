/** What somebody may do. `batch:admin` is all of it, with everybody's batches. */
export const scopes = ['batch:read', 'batch:submit', 'batch:cancel', 'batch:admin'] as const;
export type Scope = (typeof scopes)[number];

/** What every user asks for: an identity provider may refuse a login that wants more than its user may have. */
export const usualScopes: readonly Scope[] = ['batch:read', 'batch:submit', 'batch:cancel'];

/** Who a request over HTTP comes from. */
export type Subject = { name: string; scopes: ReadonlySet<Scope> };

/** Whether somebody may do what takes a scope. */
export function mayUse({ scopes: held }: Subject, scope: Scope): boolean {
  return held.has(scope) || held.has('batch:admin');
}

/** Whose something is; the owner's of all that is kept where no user is named. */
export type Owned = { user?: string | undefined };
