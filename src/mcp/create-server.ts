import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';
import type { Context } from '../state/context.ts';
import { type Era, type EraName, eraOf } from './era.ts';
import { createMethods, type Methods, type Options, type Source } from './methods.ts';
import { type Message, meaningsOf } from './odd-messages.ts';
import { asError } from './protocol.ts';

/** An MCP server over a context: touches neither environment nor transport. */
export function createServer(context: Context, options: Options): McpServer {
  return createServerFor({ readOnly: context.readOnly, load: async () => context }, options);
}

/** As `createServer`, over a context that is only made, with all that it needs, when the first call comes. */
export function createServerFor(source: Source, options: Options): McpServer {
  return new McpServer(createMethods(source, options), options);
}

type ServerOptions = Pick<Options, 'onWork'> & {
  /** Each request comes over a connection of its own, from a client of the old era that said before that it can ask. */
  asksApart?: boolean;
};

/**
 * Speaks both eras of the protocol over one connection. The first message decides which of them is loaded; the other
 * one never is, but for a client that only asked what is spoken here and then begins with `initialize`.
 */
export class McpServer {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  readonly #methods: Methods;
  readonly #onWork: (work: Promise<unknown>) => void;
  readonly #asksApart: boolean;
  readonly #eras = new Map<EraName, Promise<Era>>();
  #begun: EraName | null = null;
  #wire: Transport | undefined;

  constructor(methods: Methods, { onWork = () => {}, asksApart = false }: ServerOptions) {
    this.#methods = methods;
    this.#onWork = onWork;
    this.#asksApart = asksApart;
  }

  /** Whatever odd messages come over the transport are taken as they are meant, or answered with an error. */
  async connect(wire: Transport): Promise<void> {
    this.#wire = wire;
    wire.onclose = () => {
      void this.#closeEras();
      this.onclose?.();
    };
    wire.onerror = (error) => this.onerror?.(error);
    wire.onmessage = (given: JSONRPCMessage, extra?: MessageExtraInfo) => {
      for (const meaning of meaningsOf(given)) {
        const work =
          'message' in meaning ? this.#take(wire, meaning.message, extra) : wire.send(meaning.answer);
        this.#onWork(work.catch((error: unknown) => this.onerror?.(asError(error))));
      }
    };
    await wire.start();
  }

  async close(): Promise<void> {
    await this.#closeEras();
    await this.#wire?.close();
  }

  /** What still goes on for a client that has gone is stopped, as far as it only waits. */
  async #closeEras(): Promise<void> {
    const eras = await Promise.all(this.#eras.values());
    await Promise.all(eras.map((era) => era.close()));
  }

  async #take(wire: Transport, message: Message, extra?: MessageExtraInfo): Promise<void> {
    const said = eraOf(message, this.#begun);
    if (this.#begun !== 'legacy') this.#begun = said ?? this.#begun;
    const era = await this.#era(said ?? this.#begun ?? 'legacy', wire);
    await era.take(message, extra);
  }

  #era(name: EraName, wire: Transport): Promise<Era> {
    const known = this.#eras.get(name);
    if (known !== undefined) return known;
    const era =
      name === 'modern'
        ? import('./modern-era.ts').then(({ createModernEra }) => createModernEra(this.#methods, wire))
        : import('./legacy-era.ts').then(({ createLegacyEra }) =>
            createLegacyEra(this.#methods, wire, { asksApart: this.#asksApart }),
          );
    this.#eras.set(name, era);
    return era;
  }
}
