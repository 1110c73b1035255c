import { spawnSync } from 'node:child_process'
import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { parse } from 'yaml'

const root = join(import.meta.dirname, '../..')

interface Service {
  readonly image: string
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly network_mode?: string
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly depends_on?: Readonly<Record<string, unknown>>
}

const { services } = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
  services: Readonly<Record<string, Service>>
}

describe('docker-compose.yml', () => {
  it('starts every server that the adapters and the telemetry need', () => {
    expect(Object.keys(services)).toEqual(
      expect.arrayContaining([
        'redis',
        'rabbitmq',
        'kafka',
        'consul',
        'etcd',
        'otel-collector',
        'prometheus',
        'grafana',
        'jaeger',
      ]),
    )
  })

  it.each(Object.entries(services))('%s is pinned, local, configured and asked for its health', (name, service) => {
    expect(service.image).toMatch(/:v?\d+\.\d+\.\d+(-\w+)?$/)
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+/)
    for (const volume of service.volumes ?? []) expect(statSync(join(root, String(volume.split(':')[0])))).toBeDefined()
    for (const other of Object.keys(service.depends_on ?? {})) expect(services[other]?.healthcheck).toBeDefined()
    const asked =
      service.healthcheck ?? Object.values(services).find((other) => other.network_mode === `service:${name}`)?.healthcheck
    expect(asked?.test[0]).toBe('CMD')
  })

  it('opens no port twice', () => {
    const ports = Object.values(services).flatMap((service) => service.ports ?? [])
    expect(new Set(ports.map((port) => port.split(':')[1])).size).toBe(ports.length)
  })

  it('mounts configurations that are YAML', () => {
    const files = globSync('deploy/!(kubernetes)/**/*.{yml,yaml}', { cwd: root })
    expect(files.length).toBeGreaterThan(2)
    for (const file of files) expect(parse(readFileSync(join(root, file), 'utf8'))).toBeInstanceOf(Object)
  })

  it('is accepted by docker compose, where that is installed', () => {
    const installed = spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status === 0
    const { status, stderr } = installed
      ? spawnSync('docker', ['compose', 'config', '--quiet'], { cwd: root, encoding: 'utf8' })
      : { status: 0, stderr: 'not installed' }
    expect({ status, stderr }).toMatchObject({ status: 0 })
  })
})
