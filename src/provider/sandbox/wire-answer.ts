/** What the API answers when it says no: sent in its error shape with this status. */
export type Refusal = { ok: false; status: number; type: string; message: string };

/** A Message Batch as the API writes it. Times are RFC 3339. */
export type WireBatch = {
  id: string;
  type: 'message_batch';
  processing_status: 'in_progress' | 'canceling' | 'ended';
  request_counts: {
    processing: number;
    succeeded: number;
    errored: number;
    canceled: number;
    expired: number;
  };
  created_at: string;
  expires_at: string;
  ended_at: string | null;
  cancel_initiated_at: string | null;
  archived_at: null;
  results_url: string | null;
};

export function refuse(status: number, message: string): Refusal {
  return { ok: false, status, type: typeOfStatus(status), message };
}

/** The body of an error answer. */
export function errorBody({ type, message }: Refusal, requestId: string) {
  return { type: 'error', error: { type, message }, request_id: requestId };
}

const types: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

function typeOfStatus(status: number): string {
  return types[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
}
