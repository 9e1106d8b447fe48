import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';
import type { Context } from '../state/context.ts';
import { type Era, type EraName, eraOf } from './era.ts';
import { createMethods, type Methods, type Options, type Source } from './methods.ts';
import { type Message, meaningsOf } from './odd-messages.ts';
import { asError } from './protocol.ts';

/** An MCP server over a context. Touches neither the environment nor a transport. */
export function createServer(context: Context, options: Options): McpServer {
  return createServerFor({ readOnly: context.readOnly, load: async () => context }, options);
}

/** Like `createServer`, but the context and everything it needs are loaded only at the first call. */
export function createServerFor(source: Source, options: Options): McpServer {
  return new McpServer(createMethods(source, options), options);
}

type ServerOptions = Pick<Options, 'onWork'> & {
  /** Each request has its own connection, and its client, of the old era, has said earlier that it can ask. */
  asksApart?: boolean;
};

/**
 * Speaks both eras of the protocol over one connection. The first message decides which one is loaded. The other is never
 * loaded, unless a client only asks which versions are supported and then begins with `initialize`.
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

  /** Odd messages from the transport are taken as they were meant, or answered with an error. */
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

  /** Stops whatever is merely waiting on behalf of a client that has gone. */
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
