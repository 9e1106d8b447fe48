import type { BatchRecord } from '../store/record.ts';

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

/** Who calls, null for the owner of all that is kept; and whether users see each other's batches. */
type Viewer = { subject: Subject | null; isShared: boolean };

/** Whether whoever calls answers for all that is kept: at a terminal, through a server of their own, or as an admin. */
export function isOwner({ subject }: Pick<Viewer, 'subject'>): boolean {
  return subject === null || subject.scopes.has('batch:admin');
}

export function isOwn({ subject }: Pick<Viewer, 'subject'>, { user }: Owned): boolean {
  return subject === null || subject.name === user;
}

/** Whether whoever calls may know of something. What they may not know of is answered as what is not there. */
export function maySee(viewer: Viewer, owned: Owned): boolean {
  return isOwner(viewer) || viewer.isShared || isOwn(viewer, owned);
}

/** What a batch keeps of whoever submits it. */
export function ownershipOf({ subject, isShared }: Viewer): Pick<BatchRecord, 'user' | 'apart'> {
  return subject === null ? {} : { user: subject.name, ...(!isShared && { apart: true }) };
}

/** Who it is under whom the same work is found again, as a part of what it is found under; empty for all together. */
export function apartOf({ user, apart }: Pick<BatchRecord, 'user' | 'apart'>): string {
  return apart && user !== undefined ? JSON.stringify(['user', user]) : '';
}
