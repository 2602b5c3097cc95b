import { Metadata, type ServiceError, type StatusObject, status } from '@grpc/grpc-js';
import { type Any, BadRequest, RetryInfo, RpcStatus } from '@sluice/proto';
import { type ErrorKind, type FieldProblem, SluiceError } from './errors.js';

/** The one table from kinds of errors to gRPC codes, read in both directions. */
const codes: Readonly<Record<ErrorKind, status>> = {
  invalid: status.INVALID_ARGUMENT,
  not_found: status.NOT_FOUND,
  already_exists: status.ALREADY_EXISTS,
  precondition: status.FAILED_PRECONDITION,
  conflict: status.ABORTED,
  unauthenticated: status.UNAUTHENTICATED,
  forbidden: status.PERMISSION_DENIED,
  exhausted: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  deadline: status.DEADLINE_EXCEEDED,
  cancelled: status.CANCELLED,
  unimplemented: status.UNIMPLEMENTED,
  internal: status.INTERNAL,
};

const kinds = new Map<number, ErrorKind>(
  (Object.entries(codes) as [ErrorKind, status][]).map(([kind, code]) => [code, kind]),
);
kinds.set(status.OUT_OF_RANGE, 'invalid');

const pushbackKey = 'grpc-retry-pushback-ms';
const detailsKey = 'grpc-status-details-bin';
const badRequestType = 'type.googleapis.com/google.rpc.BadRequest';
const retryInfoType = 'type.googleapis.com/google.rpc.RetryInfo';

/** What the caller gets to see of a failure. An unknown error says nothing of its cause. */
export function statusOf(error: unknown): Partial<StatusObject> & { code: status } {
  if (!(error instanceof SluiceError)) {
    return {
      code: status.INTERNAL,
      details: 'Internal error; the log of the service has the cause.',
    };
  }
  const metadata = new Metadata();
  const details = detailsOf(error);
  const code = codes[error.kind];
  if (details.length > 0) {
    const message = RpcStatus.encode({
      code,
      message: error.message,
      details,
    }).finish();
    metadata.set(detailsKey, Buffer.from(message));
  }
  if (error.retryAfterMs !== undefined) metadata.set(pushbackKey, String(Math.ceil(error.retryAfterMs)));
  return { code, details: error.message, metadata };
}

function detailsOf(error: SluiceError): Any[] {
  const details: Any[] = [];
  if (error.problems.length > 0) {
    const fieldViolations = error.problems.map(({ field, message }) => ({
      field,
      description: message,
    }));
    details.push({
      typeUrl: badRequestType,
      value: Buffer.from(BadRequest.encode({ fieldViolations }).finish()),
    });
  }
  if (error.retryAfterMs !== undefined) {
    const wholeMs = Math.ceil(error.retryAfterMs);
    const retryDelay = { seconds: Math.floor(wholeMs / 1000), nanos: (wholeMs % 1000) * 1e6 };
    details.push({
      typeUrl: retryInfoType,
      value: Buffer.from(RetryInfo.encode({ retryDelay }).finish()),
    });
  }
  return details;
}

/** The mesh's error for a failed call, with the fields that the server named. */
export function errorOf(failure: ServiceError): SluiceError {
  const { problems, retryAfterMs } = parseDetails(failure.metadata);
  return new SluiceError(kinds.get(failure.code) ?? 'internal', failure.details || failure.message, {
    problems,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    cause: failure,
  });
}

function parseDetails(metadata: Metadata | undefined): {
  problems: FieldProblem[];
  retryAfterMs: number | undefined;
} {
  const problems: FieldProblem[] = [];
  // Whoever turns a call away before it was read has no details to give.
  let retryAfterMs = pushbackOf(metadata);
  const bytes = metadata?.get(detailsKey)[0];
  if (!Buffer.isBuffer(bytes)) return { problems, retryAfterMs };
  try {
    for (const any of RpcStatus.decode(bytes).details) {
      if (any.typeUrl === badRequestType) {
        for (const violation of BadRequest.decode(any.value).fieldViolations) {
          problems.push({
            field: violation.field,
            message: violation.description,
          });
        }
      } else if (any.typeUrl === retryInfoType) {
        const delay = RetryInfo.decode(any.value).retryDelay;
        if (delay) retryAfterMs = delay.seconds * 1000 + delay.nanos / 1e6;
      }
    }
  } catch {
    // Details are an extra: a server that garbles them still gave its code and message.
  }
  return { problems, retryAfterMs };
}

/** Negative: coming back does not help. */
function pushbackOf(metadata: Metadata | undefined): number | undefined {
  const text = metadata?.get(pushbackKey)[0];
  const ms = typeof text === 'string' ? Number(text) : Number.NaN;
  return ms >= 0 ? ms : undefined;
}
