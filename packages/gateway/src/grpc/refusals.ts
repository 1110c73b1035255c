import { AuthenticationError, AuthorizationError, CommunicationError, ValidationError } from '@comm/core'
import { refused } from '../message/request-head.ts'

/** google/rpc/code.proto: what the client itself can mend. The other statuses are told as core's errors are. */
const STATUS: Readonly<Record<string, number>> = {
  FAILED_PRECONDITION: 400,
  OUT_OF_RANGE: 400,
  NOT_FOUND: 404,
  ABORTED: 409,
  ALREADY_EXISTS: 409,
  UNIMPLEMENTED: 501,
}

/** What a failed call is to a client: what the service says about the request goes on, where the service stands does not. */
export function refusalOf(thrown: unknown): unknown {
  const error = CommunicationError.from(thrown)
  const { grpcStatus, statusMessage, issues } = error.details
  if (typeof grpcStatus !== 'string' || typeof statusMessage !== 'string') return error
  const said = statusMessage === '' ? grpcStatus : statusMessage
  if (grpcStatus === 'INVALID_ARGUMENT')
    return new ValidationError(said, { cause: error, details: issues === undefined ? {} : { issues } })
  // The credentials were the client's: as an error of the gateway's own call they would be its own fault.
  if (grpcStatus === 'UNAUTHENTICATED') return new AuthenticationError(said, { cause: error })
  if (grpcStatus === 'PERMISSION_DENIED') return new AuthorizationError(said, { cause: error })
  const status = STATUS[grpcStatus]
  return status === undefined ? error : refused(status, said, { grpcStatus })
}
