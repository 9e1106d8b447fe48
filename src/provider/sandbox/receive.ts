import { open } from 'node:fs/promises';
import * as z from 'zod';
import { type CachedPrompt, cachedPrompt } from './prompt-cache.ts';
import { createRequestScanner, type IndexEntry, type ScannedElement } from './request-scanner.ts';
import { checkEnvelope, checkParams } from './request-schema.ts';
import { type Refusal, refuse } from './wire-answer.ts';

/** The API's limits on one batch (Message Batches documentation). */
const MAX_REQUESTS = 100_000;
const MAX_BYTES = 256 * 1024 * 1024;

/** Where the requests of a body are, and which parts of them are to be cached, by keys. */
export type Received = { ok: true; index: IndexEntry[]; prompts: ReadonlyMap<string, CachedPrompt['ttl']> };

/**
 * Writes a create's body to `path` as it comes in, durably, and checks it as the API does on the way. The body
 * is always taken to its end, since a client still sending would see a refusal as a broken connection.
 */
export async function receiveBody(body: AsyncIterable<Buffer>, path: string): Promise<Received | Refusal> {
  const check = createBodyCheck();
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of body) {
      if (check.push(chunk)) await file.writeFile(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return check.end();
}

function createBodyCheck() {
  const scanner = createRequestScanner();
  const index: IndexEntry[] = [];
  const customIds = new Set<string>();
  const prompts = new Map<string, CachedPrompt['ttl']>();
  let received = 0;
  let refusal: Refusal | null = null;

  function take({ offset, bytes }: ScannedElement): Refusal | null {
    const path = `requests.${index.length}`;
    const value = parse(bytes.toString());
    if (value === undefined) return refuse(400, 'The request body is not valid JSON.');
    const request = checkEnvelope(value, path);
    if (!request.ok) return refuse(400, request.problem);
    if (customIds.has(request.value.custom_id))
      return refuse(400, `${path}.custom_id: must be unique in a batch`);
    customIds.add(request.value.custom_id);
    const prompt = bytes.includes('"cache_control"') ? cachedPrompt(request.value.params) : null;
    if (prompt !== null) prompts.set(prompt.key, prompt.ttl);
    index.push({ offset, bytes: bytes.length, valid: checkParams(request.value.params).ok });
    return index.length > MAX_REQUESTS
      ? refuse(400, `requests: List should have at most ${MAX_REQUESTS} items after validation`)
      : null;
  }

  return {
    /** Takes the next bytes; false once the body is refused. */
    push(chunk: Buffer): boolean {
      received += chunk.length;
      if (received > MAX_BYTES) refusal ??= refuse(413, 'Request exceeds the maximum size');
      if (refusal !== null) return false;
      for (const element of scanner.push(chunk)) refusal ??= take(element);
      return refusal === null;
    },
    end(): Received | Refusal {
      return (
        refusal ?? checkSurroundings(parse(scanner.skeleton()), index.length) ?? { ok: true, index, prompts }
      );
    },
  };
}

const surroundings = z.strictObject({ requests: z.array(z.literal(0)) });

function checkSurroundings(value: unknown, elements: number): Refusal | null {
  if (value === undefined) return refuse(400, 'The request body is not valid JSON.');
  const read = surroundings.safeParse(value);
  if (!read.success || read.data.requests.length !== elements) {
    return refuse(400, 'requests: Field required, as the only one, and a list');
  }
  return elements === 0
    ? refuse(400, 'requests: List should have at least 1 item after validation, not 0')
    : null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What was wrong is not said, as the API does not say it either: the caller answers 400.
    return undefined;
  }
}
