import type { IncomingMessage } from 'node:http'
import {
  AuthenticationError,
  AuthorizationError,
  type Logger,
  type Principal,
  type SecurityLogger,
  securityLogger,
} from '@comm/core'
import { type Credentials, type PresentedCertificate, peerCertificate } from '@comm/security'
import { type AlternativeNames, alternativeNames, identityList } from '@comm/security/mtls'
import type { Protocol, TopologyRecord } from '../topology/topology.ts'
import type { AccessList } from './access-list.ts'

/** A gRPC call as `GrpcServer` of `@comm/grpc` hands it to `authenticate`. */
export interface IncomingGrpcCall extends Pick<Credentials, 'address' | 'certificate'> {
  readonly method: string
}

interface Attempt {
  readonly protocol: Protocol
  readonly action: string
  readonly resource: string
  readonly address: string | undefined
}

/** What a certificate says. */
interface Caller {
  readonly names: AlternativeNames
  /** By its first URI, else its first DNS name. */
  readonly principal: Principal
}

export const UNKNOWN_CALLER = '(unknown)'

/** Lets callers in by the identities in their certificates, and keeps a record of those who are not. */
export class Gatekeeper {
  readonly #service: string
  readonly #audit: SecurityLogger
  readonly #topology: TopologyRecord
  /** By connection: reading a certificate costs more than a request. */
  readonly #known = new WeakMap<object, Caller>()
  /** From the next call on, also on connections that stand. */
  access: AccessList

  constructor(service: string, access: AccessList, logger: Logger, topology: TopologyRecord) {
    this.#service = service
    this.access = access
    this.#audit = securityLogger(logger)
    this.#topology = topology
  }

  /** @throws AuthenticationError, AuthorizationError */
  request({ method = 'GET', url = '/', socket }: IncomingMessage): Principal {
    const attempt: Attempt = {
      protocol: 'http',
      action: method,
      resource: url.split('?', 1)[0] ?? url,
      address: socket.remoteAddress,
    }
    return this.#admit(socket, attempt, () => peerCertificate(socket))
  }

  /** @throws AuthenticationError, AuthorizationError */
  grpc({ method, address, certificate }: IncomingGrpcCall): Principal {
    const attempt: Attempt = { protocol: 'grpc', action: 'call', resource: method, address }
    return this.#admit(attempt, attempt, () => certificate)
  }

  #admit(connection: object, attempt: Attempt, shown: () => PresentedCertificate | undefined): Principal {
    let caller = this.#known.get(connection)
    if (caller === undefined) {
      caller = this.#callerOf(shown(), attempt)
      this.#known.set(connection, caller)
    }
    const decision = this.access.decide(caller.names)
    if (typeof decision === 'object') return decision
    if (decision === 'anybody') return caller.principal
    return this.#refuse(attempt, caller.principal.subject, decision)
  }

  #callerOf(certificate: PresentedCertificate | undefined, attempt: Attempt): Caller {
    if (certificate === undefined) return this.#strange(attempt, 'no certificate')
    const { raw, isVerified, problem = 'unknown authority' } = certificate
    if (!isVerified) return this.#strange(attempt, `a certificate that is not verified: ${problem}`)
    let names: AlternativeNames
    try {
      names = alternativeNames(raw)
    } catch {
      return this.#strange(attempt, 'a certificate that cannot be read')
    }
    const [uri] = names.uris
    const [dns] = names.dnsNames
    const own = uri !== undefined ? [{ uri }] : dns !== undefined ? [{ dns }] : []
    const principal = identityList('caller', own).find(names)
    return principal === undefined ? this.#strange(attempt, 'a certificate without a name') : { names, principal }
  }

  #refuse({ protocol, action, resource, address }: Attempt, subject: string, reason: 'denied' | 'not-allowed'): never {
    this.#topology.inbound(subject, protocol).record('refused', 0)
    const from = address === undefined ? {} : { address }
    this.#audit.authorization({ outcome: 'denied', method: 'mtls', subject, action, resource, reason, ...from })
    const why = reason === 'denied' ? 'is on the deny list' : 'is not on the allow list'
    throw new AuthorizationError(`${subject} may not call ${this.#service}: it ${why}`, { details: { subject, reason } })
  }

  #strange({ protocol, action, resource, address }: Attempt, shown: string): never {
    this.#topology.inbound(UNKNOWN_CALLER, protocol).record('refused', 0)
    const from = address === undefined ? {} : { address }
    this.#audit.authentication({ outcome: 'failure', method: 'mtls', reason: `${action} ${resource} with ${shown}`, ...from })
    throw new AuthenticationError(
      `who calls ${this.#service} has to show a certificate of its authority; this call shows ${shown}`,
    )
  }
}
