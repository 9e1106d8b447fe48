/**
 * Creates the tables, in numbered steps that never change once released: a new one is added. Each runs
 * once, alone, and completely or not at all. `@.` stands for the schema. A step may add what the version before it does not know, and
 * removes nothing that it uses: both run on one database while servers are replaced.
 */
export const migrations: readonly string[] = [
  `
  -- A batch is being prepared while it has an owner (JSON), and seen by all from the moment that it has none.
  create table @.batch (
    id text collate "C" primary key,
    owner text,
    made_at timestamptz not null default now()
  );
  create index batch_seen on @.batch (id) where owner is null;

  -- Revisions of the batches' records. Contents are JSON as text: it comes back as it was written, byte for byte.
  create table @.record (
    batch_id text collate "C" not null references @.batch on delete cascade,
    number integer not null,
    content text not null,
    primary key (batch_id, number)
  );

  -- Revisions of all other registers.
  create table @.revision (
    kind text not null,
    name text collate "C" not null,
    number integer not null,
    content text not null,
    written_at timestamptz not null default now(),
    primary key (kind, name, number)
  );

  -- What is made of a record alone; can be removed at any time.
  create table @.summary (
    name text not null,
    batch_id text collate "C" not null references @.batch on delete cascade,
    number integer not null,
    content text not null,
    primary key (name, batch_id)
  );

  -- The bytes of a blob, in chunks of one size; it is unfinished until it has a name.
  create table @.blob (
    id bigint generated always as identity primary key,
    batch_id text collate "C" not null references @.batch on delete cascade,
    begun_at timestamptz not null default now()
  );
  create index blob_batch on @.blob (batch_id);
  create table @.chunk (
    blob_id bigint not null references @.blob on delete cascade,
    number integer not null,
    bytes bytea not null,
    primary key (blob_id, number)
  );
  -- Not compressed, so that a piece out of the middle is read alone.
  alter table @.chunk alter column bytes set storage external;
  create table @.blob_name (
    batch_id text collate "C" not null references @.batch on delete cascade,
    name text collate "C" not null,
    blob_id bigint not null unique references @.blob on delete cascade,
    bytes bigint not null,
    primary key (batch_id, name)
  );

  create table @.audit (
    id bigint generated always as identity primary key,
    entry text not null
  );
  `,
  `
  -- When each batch is to be looked at next, and by whom it is looked after: made of the records, which alone are true.
  create table @.due (
    batch_id text collate "C" primary key references @.batch on delete cascade,
    -- The record's that it was made of.
    revision integer not null,
    subject text not null,
    -- Null where no look brings it further.
    at timestamptz,
    -- Looks that came to nothing, in a row.
    failed integer not null default 0,
    holder text,
    until timestamptz,
    taken_at timestamptz
  );
  create index due_at on @.due (at) where at is not null;
  create index due_until on @.due (until) where until is not null;
  create index due_taken on @.due (taken_at) where taken_at is not null;
  `,
  `
  -- Who is at work, and since when nobody has heard of them. One that is gone by that never comes back.
  create table @.process (
    nonce text primary key,
    seen_at timestamptz not null default now(),
    ended boolean not null default false
  );
  `,
  `
  -- Turns at what all may only do so often together: the moment of the next one, and until when nobody has one.
  create table @.turn (
    name text primary key,
    next_at timestamptz not null default '-infinity',
    held_until timestamptz
  );
  `,
  `
  -- Bytes of blobs outside of the database. A row outlives its blob until they are removed there.
  create table @.object (
    key text collate "C" primary key,
    storage text not null,
    batch_id text collate "C" not null,
    blob_id bigint unique references @.blob on delete set null,
    -- Null until it is whole.
    sha256 text
  );
  create index object_left on @.object (storage, batch_id) where blob_id is null;
  `,
  `
  -- The transaction that wrote a revision, so that what has changed since a moment is found without looking at all. Unknown of those before.
  alter table @.record add column written_by xid8;
  alter table @.record alter column written_by set default pg_current_xact_id();
  create index record_written on @.record (written_by) where written_by is not null;
  `,
];

/**
 * The step that a server has to know to work on tables of this version. Raised only where a step removes what that used, and no
 * further than to the last step of the version before this one.
 */
export const STEP_NEEDED = 1;
