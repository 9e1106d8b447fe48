import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { isLinked, linkedName, outputFormat } from '../../../answers/files/output-format.ts';
import { renderOutput } from '../../../answers/files/render-output.ts';
import { outputFilters } from '../../../answers/page/select.ts';
import { linkedPiece } from '../../../answers/page/whole-pieces.ts';
import type { Context } from '../../../state/context.ts';
import { isSaved } from '../../../state/status.ts';
import { isBatchId } from '../../../store/names.ts';
import type { BatchRecord } from '../../../store/record.ts';
import { recordOrNull } from '../../../store/stored-json.ts';
import { pathOf, type Route } from '../http-server.ts';
import { type Refusal, refuse } from '../refusal.ts';

const BELOW = '/results/';

const types: Record<string, string> = {
  csv: 'text/csv; charset=utf-8',
  json: 'application/json',
  jsonl: 'application/jsonl',
  raw: 'application/jsonl',
  md: 'text/markdown; charset=utf-8',
};

const headersOf = (name: string, format: string) => ({
  'content-type': types[format] ?? 'text/plain; charset=utf-8',
  'content-disposition': `attachment; filename="${name}"`,
  'cache-control': 'private, no-store',
  'content-security-policy': 'sandbox',
});

/** The key that signs addresses, shared by all servers of a store. */
async function signingKeyOf({ store }: Pick<Context, 'store'>): Promise<Buffer> {
  const kept = await store
    .signingKey()
    .update((current) => current ?? { key: randomBytes(32).toString('base64url') });
  return Buffer.from(kept?.key ?? '', 'base64url');
}

type Linked = { batchId: string; name: string; user: string; expires: number };

/** Makes signed addresses of files, each for one user, one file and a limited time. Whoever has one needs no token. */
export async function createLinks(context: Context, linkMs: number) {
  const key = await signingKeyOf(context);
  const route: Route = {
    path: { below: BELOW },
    methods: ['GET', 'HEAD'],
    access: 'public',
    async answer(request, response) {
      const { searchParams } = new URL(request.url ?? '', 'http://localhost');
      const linked = readLink(key, pathOf(request) ?? '', searchParams);
      if (linked === null) return refuse(response, notOurs);
      if (linked.expires < Date.now()) return refuse(response, tooOld);
      await answerLink(context, linked, response, request.method === 'HEAD');
    },
  };
  return {
    route,
    /** The address below `base` of a file from a user's batch. */
    linkTo: (base: string, user: string) => (batchId: string, name: string) => {
      const linked = { batchId, name, user, expires: Date.now() + linkMs };
      const query = new URLSearchParams({
        user,
        expires: String(linked.expires),
        signature: signatureOf(key, linked).toString('base64url'),
      });
      return `${base}${BELOW}${batchId}/${name}?${query.toString()}`;
    },
  };
}

function signatureOf(key: Buffer, { batchId, name, user, expires }: Linked): Buffer {
  return createHmac('sha256', key)
    .update(JSON.stringify(['results', batchId, name, user, expires]))
    .digest();
}

/** What an address stands for; null if it was not made here or has been altered. */
function readLink(key: Buffer, path: string, query: URLSearchParams): Linked | null {
  const [batchId = '', ...below] = path.slice(BELOW.length).split('/');
  const [user, expires, signature] = ['user', 'expires', 'signature'].map((each) => query.get(each) ?? '');
  if (!/^\d{1,15}$/.test(expires ?? '')) return null;
  const linked = { batchId, name: below.join('/'), user: user ?? '', expires: Number(expires) };
  const [given, own] = [Buffer.from(signature ?? '', 'base64url'), signatureOf(key, linked)];
  return given.length === own.length && timingSafeEqual(given, own) ? linked : null;
}

/** Answers with a piece of a batch's answers, or with a file of them, made as it is sent. */
async function answerLink(
  context: Context,
  { batchId, name }: Linked,
  response: ServerResponse,
  isHead: boolean,
): Promise<void> {
  const record = isBatchId(batchId) ? await recordOrNull(context.store, batchId) : null;
  const piece = record && (await linkedPiece(context, record, name));
  if (piece) {
    response.writeHead(200, headersOf(piece.name, piece.name.endsWith('.json') ? 'json' : 'txt'));
    response.end(isHead ? undefined : piece.text);
    return;
  }
  const output = record?.outputs.find((each) => isLinked(each.path) && linkedName(each.path) === name);
  if (record === null || output === undefined || !isSaved(record)) return refuse(response, gone);
  const format = outputFormat(name);
  response.writeHead(200, headersOf(name, format));
  if (isHead) {
    response.end();
    return;
  }
  await pipeline(renderOutput(context, record, format, askedOf(output)), response).catch((error: unknown) => {
    // An answer under way can only be cut off, which the client notices. One that has gone needs no answer.
    if (!response.destroyed) response.destroy();
    context.log('debug', `A file was cut off: ${error instanceof Error ? error.message : String(error)}`);
  });
}

/** Which answers a file holds, as requested when it was made. */
function askedOf({ key, filters }: BatchRecord['outputs'][number]) {
  return {
    ...(key !== undefined && { key }),
    ...(filters !== undefined && { filters: outputFilters.parse(JSON.parse(filters)) }),
  };
}

const notOurs: Refusal = {
  status: 403,
  error: 'wrong_address',
  message:
    'This address was not made here, or is incomplete. batch_status and get_results give it in output_files.',
};
const tooOld: Refusal = {
  status: 410,
  error: 'expired',
  message: 'This address has expired. Call batch_status or get_results for a new one.',
};
const gone: Refusal = { status: 404, error: 'not_found', message: 'The file does not exist, or not yet.' };
