import type { Dialect } from '../dialect.ts';
import { modelTable } from './models/price-table.ts';
import { estimateTokens, loadTokenizer } from './models/token-estimate.ts';
import { changeParams } from './requests/change-params.ts';
import { checkMediaLimits } from './requests/check-media-limits.ts';
import { checkParams } from './requests/check-params.ts';
import { leaveOutNulls } from './requests/leave-out-nulls.ts';
import { requestOfSource } from './requests/most-tokens.ts';
import { prepareOutputSchema } from './requests/output-schema.ts';
import { cachedText, promptSize, promptText } from './requests/prompt-size.ts';
import {
  bodyForm,
  cacheMark,
  decodeRequest,
  encodeRequest,
  factsOf,
  lastPrompt,
  renameRequest,
  renderParams,
} from './requests/request.ts';
import { rowsOf, withRows } from './requests/shared-request.ts';
import { countResultLine, readAroundText, readResultLine, unreadLine } from './results/result-line.ts';
import { shareLine } from './results/share-line.ts';

/** The wire of the Message Batches API, as documented. */
export const anthropicDialect: Dialect = {
  name: 'anthropic',
  limits: {
    batchRequests: 100_000,
    // 256 MB. Which kind of megabytes is not said, and gateways count headers too.
    batchBytes: 250_000_000,
    // 32 MB, as for any Messages call.
    requestBytes: 32_000_000,
  },
  resultsKeptDays: 29,
  batchShare: 'half',
  batchIds: {
    pattern: /^msgbatch_[a-zA-Z0-9_-]{1,120}$/,
    valid: 'msgbatch_ and letters, digits, _ or -',
    example: 'msgbatch_…',
  },
  requestIds: {
    pattern: /^[a-zA-Z0-9_-]{1,64}$/,
    valid: '1 to 64 letters, digits, _ or -',
    example: 'row-17',
    longest: 64,
  },
  requests: {
    body: bodyForm,
    encode: encodeRequest,
    decode: decodeRequest,
    rename: renameRequest,
    render: renderParams,
    facts: factsOf,
    tidy: leaveOutNulls,
    check: checkParams,
    checkMedia: checkMediaLimits,
    change: changeParams,
    required: ['model', 'max_tokens', 'messages'],
    prepareSchema: prepareOutputSchema,
    size: promptSize,
    readSource: requestOfSource,
    prompt: lastPrompt,
    text: promptText,
    cachedText,
    cacheMark,
    rowsOf,
    withRows,
  },
  results: {
    count: countResultLine,
    read: readResultLine,
    readAround: readAroundText,
    unread: unreadLine,
    share: shareLine,
  },
  models: modelTable,
  tokens: { estimate: estimateTokens, load: loadTokenizer },
};
