import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BatchError } from '../../src/errors.ts';
import { dialectOf } from '../../src/provider/dialects.ts';
import type { Provider, ProviderBatch, RequestBody } from '../../src/provider/provider.ts';
import type { Result } from '../../src/provider/result.ts';
import { bodyFile } from './calls.ts';

/** A provider whose batches run until they are ended. */
export type Provided = {
  provider: Provider;
  /** Ends all batches that there are. */
  endAll(): Promise<void>;
  close(): Promise<void>;
};

/** What every provider does, whoever runs the batches. `folder` is empty. */
export function describeProvider(name: string, make: (folder: string) => Promise<Provided>): void {
  describe(`provider contract: ${name}`, () => {
    let folder: string;
    let provided: Provided;
    let provider: Provider;

    beforeEach(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'batch-mcp-'));
      provided = await make(folder);
      provider = provided.provider;
    });

    afterEach(async () => {
      await provided.close();
      await rm(folder, { recursive: true });
    });

    const { requests, results, batchIds } = dialectOf('anthropic');

    /** A request as a task of ours becomes one. */
    const params = (prompt: string) =>
      requests.render({
        model: 'claude-haiku-5-5',
        max_tokens: 50,
        system: '',
        prompt,
        output_schema: undefined,
        effort: undefined,
      });

    async function bodyOf(count: number): Promise<RequestBody> {
      const { head, between, tail } = requests.body;
      const texts = Array.from({ length: count }, (_, i) =>
        requests.encode(`row-${i}`, params(`Say ${i}, é.`)),
      );
      const text = head + texts.join(between) + tail;
      return bodyFile(folder, text);
    }

    const create = async (count = 3): Promise<ProviderBatch> =>
      provider.createBatch(await bodyOf(count), 10_000);

    async function download(id: string, signal?: AbortSignal): Promise<Result[]> {
      const pieces: Uint8Array[] = [];
      for await (const piece of provider.streamResults(id, signal)) pieces.push(piece);
      const lines = Buffer.concat(pieces).toString().split('\n').filter(Boolean);
      return lines.map((line) => {
        const result = results.read(line);
        if (result === null) throw new Error(`no result: ${line}`);
        return result;
      });
    }

    async function failure(call: Promise<unknown>): Promise<BatchError> {
      const error = await call.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error instanceof BatchError) return error;
      throw new Error(`expected a BatchError, got ${String(error)}`);
    }

    it('says whose it is, without a call', async () => {
      await provider.requireCredentials();
      const account = await provider.account();
      expect(account).toEqual({
        base_url: expect.stringMatching(/^(?:http:\/\/127\.0\.0\.1:\d+|sandbox)$/),
        workspace: null,
      });
      expect(await provider.fingerprint('a')).toBe(await provider.fingerprint('a'));
      expect(await provider.fingerprint('a')).not.toBe(await provider.fingerprint('b'));
    });

    it('creates a batch of a body, and knows it from then on', async () => {
      const made = await create(3);
      expect(made.id).toMatch(batchIds.pattern);
      expect(made).toMatchObject({
        processing_status: 'in_progress',
        request_counts: { processing: 3, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
        ended_at: null,
        cancel_initiated_at: null,
      });
      expect(Date.parse(made.expires_at)).toBeGreaterThan(Date.parse(made.created_at));
      expect(await provider.retrieveBatch(made.id)).toEqual(made);
    });

    it('makes nothing of a body that ends early or breaks off', async () => {
      const body = await bodyOf(1);
      async function* breaking() {
        yield Buffer.from('{');
        throw new Error('the disk is away');
      }
      for (const broken of [
        { ...body, bytes: body.bytes + 1 },
        { ...body, open: breaking },
      ]) {
        expect((await failure(provider.createBatch(broken, 2_000))).code).toBe('api_uncertain');
      }
      expect((await provider.listBatches({ limit: 10 })).batches).toEqual([]);
    });

    it('lists the newest first, page by page', async () => {
      expect(await provider.listBatches({ limit: 10 })).toEqual({
        batches: [],
        has_more: false,
        last_id: null,
        at: expect.stringMatching(/^\d{4}-.*Z$/),
      });
      const ids: string[] = [];
      for (let i = 0; i < 5; i += 1) ids.unshift((await create(1)).id);
      const listed: string[] = [];
      let pages = 0;
      for (let after: string | undefined; pages < 10; ) {
        const page = await provider.listBatches({ limit: 2, ...(after && { after_id: after }) });
        pages += 1;
        listed.push(...page.batches.map(({ id }) => id));
        if (!page.has_more || page.last_id === null) break;
        after = page.last_id;
      }
      expect(listed).toEqual(ids);
      expect(pages).toBe(3);
    });

    it('ends a batch with one result for each request', async () => {
      const { id } = await create(7);
      await provided.endAll();
      const ended = await provider.retrieveBatch(id);
      expect(ended.processing_status).toBe('ended');
      expect(Date.parse(ended.ended_at ?? '')).toBeGreaterThanOrEqual(Date.parse(ended.created_at));
      expect(ended.request_counts).toEqual({
        processing: 0,
        succeeded: 7,
        errored: 0,
        canceled: 0,
        expired: 0,
      });
      const all = await download(id);
      expect(all.map(({ request_id }) => request_id).toSorted()).toEqual(
        Array.from({ length: 7 }, (_, i) => `row-${i}`),
      );
      for (const { outcome, answer, usage } of all) {
        expect(outcome).toMatch(/^(succeeded|incomplete)$/);
        expect(answer?.text).not.toBe('');
        expect(usage?.tokens.output_tokens).toBeGreaterThan(0);
      }
      // Asked again it says the same.
      expect(await download(id)).toEqual(all);
    });

    it('cancels a batch that runs', async () => {
      const { id } = await create(2);
      const canceled = await provider.cancelBatch(id);
      expect(canceled.processing_status).toMatch(/^(canceling|ended)$/);
      expect(Date.parse(canceled.cancel_initiated_at ?? '')).not.toBeNaN();
      expect((await provider.retrieveBatch(id)).processing_status).toMatch(/^(canceling|ended)$/);
    });

    it.each(['retrieveBatch', 'cancelBatch'] as const)(
      '%s does not know what was never made',
      async (call) => {
        const { id } = await create(1);
        expect((await failure(provider[call](`${id.slice(0, -3)}zzz`))).code).toBe('api_not_found');
      },
    );

    it('has no results of what was never made', async () => {
      const { id } = await create(1);
      expect((await failure(download(`${id.slice(0, -3)}zzz`))).code).toBe('api_not_found');
    });

    it.each(['', '..', '../x', 'a/b', 'a?b', 'ä'])('takes %j for no id, whatever is asked', async (id) => {
      for (const call of [
        () => provider.retrieveBatch(id),
        () => provider.cancelBatch(id),
        () => download(id),
        () => provider.listBatches({ limit: 1, after_id: id }),
      ]) {
        expect((await failure(call())).code).toBe('invalid_input');
      }
    });

    it('counts the tokens of params, more of them for a longer prompt', async () => {
      const [short, long] = [
        await provider.countTokens(params('Hi'), 10_000),
        await provider.countTokens(params('Hi, and good day to all of you. '.repeat(50)), 10_000),
      ];
      expect(Number.isInteger(short) && short > 0).toBe(true);
      expect(long).toBeGreaterThan(short);
    });

    it('lists models with what they take', async () => {
      const models = await provider.listModels(10_000);
      const known = models.find(({ id }) => id === 'claude-haiku-5-5');
      expect(known).toMatchObject({ lifecycle: 'active', batch: true });
      expect(known?.max_output_tokens).toBeGreaterThan(1_000);
    });

    it('gives up a download when its reader does', async () => {
      const { id } = await create(50);
      await provided.endAll();
      const aborted = AbortSignal.abort(new Error('enough'));
      expect((await failure(download(id, aborted))).code).toBe('api_uncertain');
      expect(await download(id)).toHaveLength(50);
    });

    it('answers no more once it is closed', async () => {
      const { id } = await create(1);
      await provider.close();
      for (const call of [
        () => provider.retrieveBatch(id),
        () => provider.listBatches({ limit: 1 }),
        () => download(id),
        () => create(1),
      ]) {
        expect((await failure(call())).code).toMatch(/^api_(uncertain|unreachable)$/);
      }
    });
  });
}
