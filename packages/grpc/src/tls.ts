import { createPrivateKey } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import { ConfigurationError, type Logger, type TlsMaterial, type TlsOptions, TlsReloader } from '@comm/core'
import { either, object, oneOf, type Rule } from '@comm/core/options'
import { type ChannelCredentials, experimental, credentials as grpcCredentials, ServerCredentials } from '@grpc/grpc-js'

type CertificateProvider = Parameters<typeof experimental.createCertificateProviderChannelCredentials>[0]
type CaListener = Parameters<CertificateProvider['addCaCertificateListener']>[0]
type IdentityListener = Parameters<CertificateProvider['addIdentityCertificateListener']>[0]

export const tlsOptions: Rule = either(
  { expected: 'TlsOptions or a TlsReloader', accepts: (value) => object.accepts(value) },
  oneOf(true),
)

/** Files that are replaced while the process runs are used for new connections; one that was passed in is not closed. */
export interface Tls {
  readonly reloader: TlsReloader
  close(): void
}

/** @throws ConfigurationError for files that cannot be read, and material that cannot be used */
export function openTls(what: string, given: true | TlsOptions | TlsReloader, logger: Logger): Tls {
  if (given instanceof TlsReloader) return { reloader: given, close: () => undefined }
  const reloader = new TlsReloader(what, given === true ? {} : given, { logger })
  return { reloader, close: () => reloader[Symbol.dispose]() }
}

/** New connections are made with what the reloader has then; those that there are stay. */
export function channelCredentials(tls: Tls | undefined): ChannelCredentials {
  if (tls === undefined) return grpcCredentials.createInsecure()
  const provider = providerOf(tls.reloader)
  const hasIdentity = tls.reloader.current.cert !== undefined
  return experimental.createCertificateProviderChannelCredentials(provider, hasIdentity ? provider : null, {})
}

/**
 * @param clientCertificate whether a client has to show one that the authority has signed
 * @throws ConfigurationError without a certificate, or without an authority where one is needed
 */
export function serverCredentials(tls: Tls | undefined, clientCertificate: boolean): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure()
  const { current } = tls.reloader
  const demand = (is: boolean, option: string, why: string): void => {
    if (is) return
    const problem = { key: `GrpcServer.tls.${option}`, expected: `given ${why}`, received: 'nothing' }
    throw new ConfigurationError(`${problem.key} must be ${problem.expected}, got nothing`, { problems: [problem] })
  }
  demand(current.cert !== undefined, 'certFile', 'for a server')
  demand(!clientCertificate || current.ca !== undefined, 'caFile', 'where clients need a certificate')
  const provider = providerOf(tls.reloader)
  // The first is the server's own identity, whatever its name says: grpc-node 1.14 hands them on in this order.
  return experimental.createCertificateProviderServerCredentials(provider, clientCertificate ? provider : null, clientCertificate)
}

/** A source of certificates for grpc-js that hands on only what TlsReloader has checked, the pair always together. */
function providerOf(reloader: TlsReloader): CertificateProvider {
  const caListeners = new Set<CaListener>()
  const identityListeners = new Set<IdentityListener>()
  let unwatch: (() => void) | undefined
  const watch = (): void => {
    unwatch ??= reloader.onChange((material) => {
      for (const listener of caListeners) listener(caOf(material))
      for (const listener of identityListeners) listener(identityOf(material))
    })
  }
  const unwatchUnused = (): void => {
    if (caListeners.size + identityListeners.size > 0) return
    unwatch?.()
    unwatch = undefined
  }
  /** grpc-js cannot take the first answer while it is still registering. */
  const add = <Listener>(all: Set<Listener>, listener: Listener, tell: () => void): void => {
    all.add(listener)
    watch()
    process.nextTick(() => {
      if (all.has(listener)) tell()
    })
  }
  return {
    addCaCertificateListener: (listener) => add(caListeners, listener, () => listener(caOf(reloader.current))),
    removeCaCertificateListener(listener) {
      caListeners.delete(listener)
      unwatchUnused()
    },
    addIdentityCertificateListener: (listener) => add(identityListeners, listener, () => listener(identityOf(reloader.current))),
    removeIdentityCertificateListener(listener) {
      identityListeners.delete(listener)
      unwatchUnused()
    },
  }
}

function caOf({ ca }: TlsMaterial): { caCertificate: Buffer } {
  return { caCertificate: Buffer.from(ca ?? rootCertificates.join('\n')) }
}

function identityOf({ cert, key, passphrase }: TlsMaterial): { certificate: Buffer; privateKey: Buffer } | null {
  if (cert === undefined || key === undefined) return null
  const privateKey =
    passphrase === undefined ? key : createPrivateKey({ key, passphrase }).export({ type: 'pkcs8', format: 'pem' })
  return { certificate: Buffer.from(cert), privateKey: Buffer.from(privateKey) }
}
