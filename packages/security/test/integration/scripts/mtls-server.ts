// A service that lets callers in by their certificates. Tells its parent, over IPC, its port and every line of its security log.
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { argv } from 'node:process'
import { currentPrincipal, TlsReloader } from '@comm/core'
import { createLogger } from '@comm/logging'
import { gate } from '@comm/security'
import { authHandler } from '@comm/security/http'
import { type AllowedIdentity, auditHandshakes, followTls, mtlsIdentities, mutualTlsServerOptions } from '@comm/security/mtls'
import { authenticated } from '@comm/security/policy'

export type ServerTold = { readonly port: number } | { readonly line: string } | { readonly allowed: number }

const [, , folder = ''] = argv
const tell = (told: ServerTold): void => {
  if (process.connected) process.send?.(told)
}
const logger = createLogger({ env: {}, destination: (line) => tell({ line }) })
const file = (name: string): string => join(folder, name)
const files = { caFile: file('ca.pem'), certFile: file('cert.pem'), keyFile: file('key.pem') }
const tls = new TlsReloader('server.tls', files, { pollMs: 20, logger })
const identities = mtlsIdentities([])
const listener = authHandler(
  gate({ authenticators: [identities], policy: authenticated(), logger, auditAccepted: false }),
  (_request, response) => void response.end(currentPrincipal()?.subject),
)
const server = createServer(mutualTlsServerOptions(tls), listener)
followTls(server, tls)
auditHandshakes(server, logger)

process.on('message', ({ allow }: { readonly allow: readonly AllowedIdentity[] }) => {
  identities.allow(allow)
  tell({ allowed: allow.length })
})
process.on('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => tell({ port: (server.address() as AddressInfo).port }))
