/** The matrix: RabbitMQ 3.10, Redis 7.0, etcd 3.4 and RabbitMQ 4.0, Redis 8.0, etcd 3.5. */
export type DebianRelease = 'debian12' | 'debian13'

export const DEBIAN_SUITES: Readonly<Record<'debian11' | DebianRelease, string>> = Object.freeze({
  debian11: 'bullseye',
  debian12: 'bookworm',
  debian13: 'trixie',
})
