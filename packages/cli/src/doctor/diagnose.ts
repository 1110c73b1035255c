import {
  AuthenticationError,
  AuthorizationError,
  CommunicationError,
  ConfigurationError,
  HttpStatusError,
  TimeoutError,
} from '@comm/core'
import { causesOf, systemCodes } from './causes.ts'
import type { Finding } from './finding.ts'

/** What is wrong with a connection, and what to do about it. */
export interface Diagnosis {
  readonly check: Finding['check']
  readonly message: string
  readonly advice: string
  /** Names of settings in the connection's section that may have to change. */
  readonly settings: readonly string[]
}

interface Failure {
  readonly error: CommunicationError
  readonly codes: ReadonlySet<string>
  /** Of the error and of all its causes. */
  readonly text: string
}

interface Illness {
  readonly check?: Finding['check']
  readonly isIt: (failure: Failure) => boolean
  readonly advice: string
  readonly settings: readonly string[]
}

const WHERE = ['host', 'port', 'hosts', 'baseUrl'] as const
const LOGIN = ['username', 'password', 'saslMechanism', 'headers'] as const

const code =
  (...wanted: readonly string[]) =>
  ({ codes }: Failure): boolean =>
    wanted.some((each) => codes.has(each))
const text =
  (pattern: RegExp) =>
  (failure: Failure): boolean =>
    pattern.test(failure.text)
const either =
  (...tests: readonly Illness['isIt'][]) =>
  (failure: Failure): boolean =>
    tests.some((isIt) => isIt(failure))

/** From the most telling to the least; the first that fits is it. */
const ILLNESSES: readonly Illness[] = [
  {
    check: 'package',
    isIt: code('COMM_PACKAGE_MISSING'),
    advice: 'install the package that the message names, beside @comm/cli',
    settings: ['type'],
  },
  {
    isIt: code('ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA'),
    advice:
      'no such host: check its spelling, and that this machine can resolve it (DNS, /etc/hosts, the network that it runs in)',
    settings: ['host', 'hosts', 'baseUrl'],
  },
  {
    isIt: code('ECONNREFUSED'),
    advice: 'nobody listens there: start the server, or correct host and port',
    settings: WHERE,
  },
  {
    isIt: code('EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN'),
    advice: 'there is no way to that host from here: check the network, the VPN and the firewall',
    settings: WHERE,
  },
  {
    isIt: either(
      code(
        'DEPTH_ZERO_SELF_SIGNED_CERT',
        'SELF_SIGNED_CERT_IN_CHAIN',
        'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
        'UNABLE_TO_GET_ISSUER_CERT',
        'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      ),
    ),
    advice: 'the server shows a certificate of an authority that is not trusted here: name its PEM file in ssl.ca_file',
    settings: ['ssl.caFile'],
  },
  {
    isIt: code('CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'),
    advice: "the server's certificate is not valid today: renew it, or set the clock of this machine",
    settings: [],
  },
  {
    isIt: code('ERR_TLS_CERT_ALTNAME_INVALID'),
    advice: "the server's certificate is for another name: connect by a name that it holds, or set ssl.server_name to one",
    settings: [...WHERE, 'ssl.serverName'],
  },
  {
    isIt: text(/wrong version number|packet length too long|EPROTO.*http request/i),
    advice: 'the port does not speak TLS: correct the port, or turn ssl off',
    settings: ['port', 'hosts', 'baseUrl', 'ssl.enabled'],
  },
  {
    isIt: ({ codes, text: said }) =>
      [...codes].some((each) => /^(?:ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|UNABLE_TO_|EPROTO)/.test(each)) ||
      /\bTLS (?:failed|handshake)/i.test(said),
    advice: 'TLS failed: check the authority, the certificate and the key, and whether the server asks for a client certificate',
    settings: ['ssl.enabled', 'ssl.caFile', 'ssl.certFile', 'ssl.keyFile', 'ssl.serverName'],
  },
  {
    isIt: ({ error }) => error instanceof AuthenticationError,
    advice: 'the server refused the login: check user name and password, and that this user may connect from here',
    settings: LOGIN,
  },
  {
    isIt: text(/virtual host/i),
    advice:
      'create the virtual host (rabbitmqctl add_vhost), grant the user its permissions (rabbitmqctl set_permissions), or correct the name',
    settings: ['virtualHost', 'username'],
  },
  {
    isIt: text(/no such database/i),
    advice: 'correct the number of the database, or let the server have more of them (databases in redis.conf)',
    settings: ['database'],
  },
  {
    isIt: ({ error }) => error instanceof AuthorizationError,
    advice: 'the user is known but may not do this: grant the permission that the message names',
    settings: ['username'],
  },
  {
    check: 'configuration',
    isIt: ({ error }) => error instanceof ConfigurationError,
    advice: 'correct the setting that the message names',
    settings: [],
  },
  {
    check: 'answer',
    isIt: ({ error }) => error instanceof HttpStatusError,
    advice: 'the server is there, but not well: look at its logs',
    settings: ['baseUrl'],
  },
  {
    isIt: either(
      code('ETIMEDOUT', 'COMM_TIMEOUT'),
      ({ error }) => error instanceof TimeoutError,
      text(/\btime(?:d )?-?out\b|\bETIMEDOUT\b|did not answer/i),
    ),
    advice:
      'no answer in time: is the server busy or stopped, the port that of another service or without the TLS that ssl asks for, or a firewall in between?',
    settings: [...WHERE, 'ssl.enabled'],
  },
  {
    isIt: either(code('ECONNRESET', 'EPIPE'), text(/closed|hang up/i)),
    advice: 'the server ended the connection: does this port speak this protocol, and does it ask for TLS?',
    settings: ['type', ...WHERE, 'ssl.enabled'],
  },
]

/** @param check during which it failed, unless the failure itself tells better */
export function diagnose(thrown: unknown, check: Finding['check']): Diagnosis {
  const error = CommunicationError.from(thrown)
  const chain = causesOf(thrown)
  const said = chain.map((each) => String((Object(each) as { readonly message?: unknown }).message ?? '')).join('\n')
  const failure = { error, codes: systemCodes([error, ...chain]), text: said }
  const illness = ILLNESSES.find(({ isIt }) => isIt(failure))
  return {
    check: illness?.check ?? check,
    message: error.message,
    advice: illness?.advice ?? 'the message says what is known; --verbose shows its causes',
    settings: illness?.settings ?? [],
  }
}
