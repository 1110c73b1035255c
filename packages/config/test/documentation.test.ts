import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeSettings, type SettingDescription } from '@comm/config'
import { expect, it } from '@jest/globals'

const PAGE = join(import.meta.dirname, '../../../docs/configuration.md')
const TABLES = /(?<=<!-- settings: begin -->\n)[\s\S]*(?=<!-- settings: end -->)/

const titles: Readonly<Record<string, string>> = {
  '': 'The service',
  httpClient: 'HTTP client',
  grpcClient: 'gRPC client',
  messageBroker: 'Message broker',
  serviceDiscovery: 'Service discovery',
  mesh: 'Service mesh',
  meshServices: 'A service of the mesh',
  logging: 'Logging',
  shutdown: 'Shutdown',
}

function sizeOrDuration({ unit, default: value }: SettingDescription): string | undefined {
  if (typeof value !== 'number' || unit === undefined) return undefined
  if (unit === 'seconds') return value > 0 && value % 1000 === 0 ? `${value / 1000}s` : `${value}ms`
  return value % 1024 ** 2 === 0 ? `${value / 1024 ** 2}MiB` : String(value)
}

function shownDefault(setting: SettingDescription): string {
  if (setting.default === undefined) return 'none'
  return `\`${sizeOrDuration(setting) ?? (typeof setting.default === 'string' ? setting.default : JSON.stringify(setting.default))}\``
}

function row(setting: SettingDescription): string {
  const { path, fileKey, variable, type, unit, secret, doc } = setting
  const kind = `${type}${unit === undefined ? '' : `, in ${unit}`}${secret ? ', secret' : ''}`
  return `| \`${fileKey}\` | \`${variable}\` | \`${path}\` | ${kind} | ${shownDefault(setting)} | ${doc} |`
}

function tables(): string {
  const sections = Object.groupBy(describeSettings(), ({ path }) => (path.includes('.') ? path.slice(0, path.indexOf('.')) : ''))
  return Object.entries(titles)
    .map(([section, title]) => {
      const rows = (sections[section] ?? []).map(row).join('\n')
      return `\n### ${title}\n\n| Key in a file | Variable | In TypeScript | Type | Default | Meaning |\n|---|---|---|---|---|---|\n${rows}\n`
    })
    .join('')
    .concat('\n')
}

it('docs/configuration.md has every setting; UPDATE_DOCS=1 writes it anew', () => {
  const page = readFileSync(PAGE, 'utf8')
  if (process.env.UPDATE_DOCS === '1')
    writeFileSync(
      PAGE,
      page.replace(TABLES, () => tables()),
    )
  expect(TABLES.exec(readFileSync(PAGE, 'utf8'))?.[0]).toBe(tables())
})

it('every section has a title there', () => {
  const sections = describeSettings().map(({ path }) => (path.includes('.') ? path.slice(0, path.indexOf('.')) : ''))
  const named = ['httpClients', 'grpcClients', 'messageBrokers']
  expect(new Set(sections)).toEqual(new Set([...Object.keys(titles), ...named]))
})
