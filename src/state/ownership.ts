import type { BatchRecord } from '../store/record.ts';
import type { Context } from './context.ts';
import type { Owned } from './subject.ts';

type Viewer = Pick<Context, 'subject' | 'isShared'>;

/** Whether whoever calls answers for all that is kept: at a terminal, through a server of their own, or as an admin. */
export function isOwner({ subject }: Pick<Context, 'subject'>): boolean {
  return subject === null || subject.scopes.has('batch:admin');
}

export function isOwn({ subject }: Pick<Context, 'subject'>, { user }: Owned): boolean {
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
