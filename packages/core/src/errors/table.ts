/** What one error code means; `docs/errors.md` is compared with this table by a test. */
export interface ErrorCodeInfo {
  /** The class that carries the code. */
  readonly error: string
  /** Whether trying again later may succeed, unless the error itself says otherwise. */
  readonly retryable: boolean
  readonly meaning: string
  readonly remedy: string
}

export const ERROR_CODES = {
  COMM_UNKNOWN: {
    error: 'CommunicationError',
    retryable: false,
    meaning: 'Something that is not one of our errors was thrown; it is in `cause`.',
    remedy: 'Look at `cause`; it is the error as it was thrown.',
  },
  COMM_ABORTED: {
    error: 'CommunicationError',
    retryable: false,
    meaning: 'The caller aborted the call through its signal.',
    remedy: 'Nothing, if the abort was meant; the reason given to `abort()` is in `cause`.',
  },
  COMM_CLOSED: {
    error: 'CommunicationError',
    retryable: false,
    meaning: 'A client, broker or subscription was used after it had been closed.',
    remedy: 'Create a new one, or close it later.',
  },
  COMM_BREAKER_OPEN: {
    error: 'CircuitBreakerOpenError',
    retryable: true,
    meaning: 'The circuit breaker is open, so the call was not made.',
    remedy: 'Answer from a fallback, or try again after `details.retryAfterMs`.',
  },
  COMM_SERVICE_UNAVAILABLE: {
    error: 'ServiceUnavailableError',
    retryable: true,
    meaning: 'No instance of the service can be called, or it answered 503 to the last retry.',
    remedy: 'Check that the service runs and is registered; degrade meanwhile.',
  },
  COMM_HTTP_STATUS: {
    error: 'HttpStatusError',
    retryable: false,
    meaning: 'The server answered with a 4xx or 5xx status.',
    remedy: 'Look at `details.status` and `details.body`; `throwHttpErrors: false` turns the error off.',
  },
  COMM_GRPC_STATUS: {
    error: 'GrpcStatusError',
    retryable: false,
    meaning: 'A gRPC call ended with a status that no other error stands for, such as NOT_FOUND.',
    remedy: 'Look at `status`, and at `details.reason` where the server gave one.',
  },
  COMM_TIMEOUT: {
    error: 'TimeoutError',
    retryable: true,
    meaning: 'A time limit set on this call ran out.',
    remedy: 'Find out why the callee is slow, or raise the limit that `details.limit` names.',
  },
  COMM_DEADLINE_EXCEEDED: {
    error: 'TimeoutError',
    retryable: false,
    meaning: 'The deadline of the request that caused this call has passed, so nobody waits for the answer.',
    remedy: 'Give the outermost caller more time, or make the calls under it faster.',
  },
  COMM_BULKHEAD_FULL: {
    error: 'BulkheadFullError',
    retryable: true,
    meaning: 'As many calls as allowed are running and the waiting queue is full.',
    remedy: 'Shed load, raise `limit` or `maxQueue`, or make the callee faster.',
  },
  COMM_RATE_LIMITED: {
    error: 'RateLimitedError',
    retryable: true,
    meaning: 'The rate limit refused the call.',
    remedy: 'Try again after `details.retryAfterMs`.',
  },
  COMM_CONNECTION: {
    error: 'ConnectionError',
    retryable: true,
    meaning: 'A connection could not be made, or broke.',
    remedy: 'Check host, port, TLS and that the server runs.',
  },
  COMM_AUTHENTICATION: {
    error: 'AuthenticationError',
    retryable: false,
    meaning: 'The credentials were missing or refused.',
    remedy: 'Check user name, password, token or certificate.',
  },
  COMM_CREDENTIALS_MISSING: {
    error: 'AuthenticationError',
    retryable: false,
    meaning: 'The caller presented nothing that says who it is.',
    remedy: 'Send a token, an API key or a client certificate.',
  },
  COMM_TOKEN_INVALID: {
    error: 'AuthenticationError',
    retryable: false,
    meaning: 'A token was refused; `details.reason` says why.',
    remedy: 'Get a token from the right issuer, for the right audience, signed with an allowed algorithm and a published key.',
  },
  COMM_TOKEN_EXPIRED: {
    error: 'AuthenticationError',
    retryable: false,
    meaning: 'A token was right once, and its time is over.',
    remedy: 'Get a new token; where clocks differ, correct them or raise the tolerated skew.',
  },
  COMM_KEYS_UNAVAILABLE: {
    error: 'ServiceUnavailableError',
    retryable: true,
    meaning: 'The identity provider cannot be asked, so nobody can tell whether a credential is right.',
    remedy: 'Check that the provider can be reached; `cause` says what failed.',
  },
  COMM_MESSAGE_REFUSED: {
    error: 'AuthenticationError',
    retryable: false,
    meaning: 'A message is not signed, was changed, is too old or was handled before; `details.reason` says which.',
    remedy: 'Sign with a key that the consumers know; a refused message waits in the dead-letter topic.',
  },
  COMM_AUTHORIZATION: {
    error: 'AuthorizationError',
    retryable: false,
    meaning: 'The caller is known but may not do this.',
    remedy: 'Grant the permission that `details` names.',
  },
  COMM_CONFIGURATION: {
    error: 'ConfigurationError',
    retryable: false,
    meaning: 'An option or a configuration value is wrong; `details.problems` lists every one.',
    remedy: 'Correct the named keys.',
  },
  COMM_PACKAGE_MISSING: {
    error: 'ConfigurationError',
    retryable: false,
    meaning: 'The configuration asks for a package that is not installed.',
    remedy: 'Install the package that the message names.',
  },
  COMM_VALIDATION: {
    error: 'ValidationError',
    retryable: false,
    meaning: 'Data does not match its schema; `details.issues` lists where.',
    remedy: 'Correct the data, or the schema.',
  },
  COMM_REFUSED: {
    error: 'RequestRefusedError',
    retryable: false,
    meaning: 'A server or gateway did not take a request: no such route, a method that is not allowed, malformed, too large.',
    remedy: 'Correct the request; `details.status` is the HTTP status that was answered.',
  },
  COMM_PUBLISH: {
    error: 'PublishError',
    retryable: true,
    meaning: 'The broker did not confirm a message; `stored` says whether it may have it all the same.',
    remedy: 'Publish again; where `stored` is `unknown` the consumer needs deduplication.',
  },
  COMM_BUFFER_FULL: {
    error: 'PublishError',
    retryable: true,
    meaning: 'The broker is away or slow and the bounded publish buffer is full.',
    remedy: 'Slow the publisher down, or raise `buffer.maxMessages` or `buffer.maxBytes`.',
  },
  COMM_UNROUTABLE: {
    error: 'PublishError',
    retryable: false,
    meaning: 'The broker has no queue, topic or subscriber for the message.',
    remedy: "Subscribe or declare the destination first, or publish with `unroutable: 'ignore'`.",
  },
  COMM_CONSUME: {
    error: 'ConsumeError',
    retryable: true,
    meaning: 'A message could not be consumed.',
    remedy: 'Look at `cause`; the message is retried or dead-lettered as the subscription says.',
  },
  COMM_UNDECODABLE: {
    error: 'ConsumeError',
    retryable: false,
    meaning: 'The body of a message cannot be decoded as its content type says.',
    remedy: 'Correct the producer; the message waits in the dead-letter topic.',
  },
  COMM_TOO_LARGE: {
    error: 'CommunicationError',
    retryable: false,
    meaning: 'A response or message is larger than its limit, before or after decompression.',
    remedy: 'Ask for less, read it as a stream, or raise the limit that the message names.',
  },
  COMM_UNSUPPORTED: {
    error: 'CommunicationError',
    retryable: false,
    meaning: 'The broker or transport in use cannot do what was asked.',
    remedy: 'Use one that can; the support table in its README says which.',
  },
} as const
ERROR_CODES satisfies Record<string, ErrorCodeInfo>

/** A stable code: it never changes its meaning and is what programs should compare. */
export type ErrorCode = keyof typeof ERROR_CODES
