import type { BatchRecord } from '../store/record.ts';

/** What a user may do. `batch:admin` allows everything, with everybody's batches. */
export const scopes = ['batch:read', 'batch:submit', 'batch:cancel', 'batch:admin'] as const;
export type Scope = (typeof scopes)[number];

/**
 * The scopes that every login asks for: an identity provider may refuse one that asks for more than its user may
 * have.
 */
export const usualScopes: readonly Scope[] = ['batch:read', 'batch:submit', 'batch:cancel'];

/** Who a request over HTTP comes from. */
export type Subject = { name: string; scopes: ReadonlySet<Scope> };

/** Whether a user has a scope. */
export function mayUse({ scopes: held }: Subject, scope: Scope): boolean {
  return held.has(scope) || held.has('batch:admin');
}

/** Whom something belongs to: the store's owner where no user is named. */
export type Owned = { user?: string | undefined };

/** Who calls, null for the store's owner; and whether users see each other's batches. */
type Viewer = { subject: Subject | null; isShared: boolean };

/**
 * Whether the caller is responsible for the whole store: at a terminal, through a server of their own, or as an
 * admin.
 */
export function isOwner({ subject }: Pick<Viewer, 'subject'>): boolean {
  return subject === null || subject.scopes.has('batch:admin');
}

export function isOwn({ subject }: Pick<Viewer, 'subject'>, { user }: Owned): boolean {
  return subject === null || subject.name === user;
}

/** Whether the caller may know of something. Anything else is treated as if it did not exist. */
export function maySee(viewer: Viewer, owned: Owned): boolean {
  return isOwner(viewer) || viewer.isShared || isOwn(viewer, owned);
}

/** The fields of a batch's record that say who submitted it. */
export function ownershipOf({ subject, isShared }: Viewer): Pick<BatchRecord, 'user' | 'apart'> {
  return subject === null ? {} : { user: subject.name, ...(!isShared && { apart: true }) };
}

/** The part of a key that keeps users' work apart when looking for the same work; empty where it is shared. */
export function apartOf({ user, apart }: Pick<BatchRecord, 'user' | 'apart'>): string {
  return apart && user !== undefined ? JSON.stringify(['user', user]) : '';
}
