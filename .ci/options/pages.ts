import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import GithubSlugger from 'github-slugger'
import type { Declared } from './module.ts'
import { type Option, type OptionsType, type Parent, readOptions } from './read.ts'
import { allOptions } from './shape.ts'

const FOLDER = 'docs/options'
const LONGEST_TYPE = 90

/** The pages of options that the packages have, by their paths: a page a package, and an index. */
export function optionsPages(root: string): ReadonlyMap<string, string> {
  const packages = globSync('packages/*/package.json', { cwd: root }).sort().map(dirname)
  const pages = packages.flatMap((folder): Page[] => {
    const entries = entryPoints(root, folder)
    return entries.length === 0 ? [] : [{ name: basename(folder), entries }]
  })
  const places = placesOf(pages)
  return new Map([
    [`${FOLDER}/README.md`, index(pages)],
    ...pages.map((page) => [`${FOLDER}/${page.name}.md`, text(page, places)] as const),
  ])
}

interface Page {
  readonly name: string
  readonly entries: readonly EntryPoint[]
}

interface EntryPoint {
  readonly specifier: string
  readonly types: readonly OptionsType[]
}

/** Where a type has its table. */
type Places = ReadonlyMap<Declared, { readonly page: string; readonly anchor: string; readonly name: string }>

function entryPoints(root: string, folder: string): readonly EntryPoint[] {
  const { name, exports } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as {
    readonly name: string
    readonly exports: Readonly<Record<string, { readonly '@comm/source'?: string }>>
  }
  return Object.entries(exports).flatMap(([key, { '@comm/source': source }]) => {
    const types = source === undefined ? [] : readOptions(join(root, folder, source))
    return types.length === 0 ? [] : [{ specifier: join(name, key), types }]
  })
}

const NOTE = '<!-- Written by `pnpm options` from the sources: change the comments there. -->'

function title(name: string): string {
  return `Options of \`@comm/${name}\``
}

function placesOf(pages: readonly Page[]): Places {
  const places: [Declared, { page: string; anchor: string; name: string }][] = []
  for (const { name: page, entries } of pages) {
    const slugger = new GithubSlugger()
    slugger.slug(title(page))
    for (const { specifier, types } of entries) {
      slugger.slug(`\`${specifier}\``)
      for (const { name, declared } of types) places.push([declared, { page, anchor: slugger.slug(name), name }])
    }
  }
  // Of a type that several entry points export the first one counts.
  return new Map(places.reverse())
}

function index(pages: readonly Page[]): string {
  const lines = pages.map(({ name, entries }) => {
    const types = new Set(entries.flatMap((entry) => entry.types.map((type) => type.name)))
    return `| [\`@comm/${name}\`](${name}.md) | ${types.size} |`
  })
  return `${NOTE}

# Options

Every type of options that a package exports: key, type, default and meaning, as the sources have them. What they are for, and which to
choose, is in the [guides](../README.md#guides) and the README of each package; what a configuration file may say is in [configuration](../configuration.md).

| package | types of options |
|---|---|
${lines.join('\n')}
`
}

function text({ name, entries }: Page, places: Places): string {
  const link: Link = (declared) => {
    const place = declared && places.get(declared)
    return place && `[\`${place.name}\`](${place.page === name ? '' : `${place.page}.md`}#${place.anchor})`
  }
  const sections = entries.map(
    ({ specifier, types }) => `## \`${specifier}\`\n\n${types.map((type) => section(type, link)).join('\n')}`,
  )
  return `${NOTE}

# ${title(name)}

[README of the package](../../packages/${name}/README.md) · [all packages](README.md)

${sections.join('\n')}`
}

/** @returns undefined for what has no table */
type Link = (declared: Declared | undefined) => string | undefined

/** Options of a type with a table of its own are there; those of any other are shown where they are had. */
function section({ name, meaning, parents, options, oneOf, text, byName }: OptionsType, link: Link): string {
  const linked = parents.filter((parent) => link(parent.declared) !== undefined || parent.options.length === 0)
  const shown = allOptions({ options, parents: parents.filter((parent) => !linked.includes(parent)) })
  const paragraphs = [
    ...(meaning === '' ? [] : [escaped(meaning)]),
    ...(oneOf.length === 0 ? [] : [`One of ${oneOf.map(({ declared, text }) => link(declared) ?? code(text)).join(', ')}.`]),
    ...(text === undefined ? [] : [`\`${text}\``]),
    ...(byName === undefined ? [] : [`By name, each ${named(byName, link) ?? `${typeCell(byName)}.${see(byName, link)}`}`]),
    ...(linked.length === 0
      ? []
      : [`With the options of ${linked.map((parent) => withExceptions(parent, link)).join(', and ')}.`]),
    ...(shown.length === 0
      ? []
      : [['| key | type | default | meaning |', '|---|---|---|---|', ...shown.map((option) => row(option, link))].join('\n')]),
  ]
  return `### ${name}\n\n${paragraphs.join('\n\n')}\n`
}

/** The link alone, where the type is nothing but what has a table. */
function named({ type, names: [first] }: Option, link: Link): string | undefined {
  const found = link(first)
  return found?.startsWith(`[\`${type}\`]`) ? `${found}.` : undefined
}

function withExceptions({ declared, text, except }: Parent, link: Link): string {
  return `${link(declared) ?? code(text)}${except.length === 0 ? '' : ` except ${except.map(code).join(', ')}`}`
}

function row(option: Option, link: Link): string {
  const { key, isRequired, meaning, default: value } = option
  const fallback = value === undefined ? (isRequired ? 'required' : '') : value.includes(' ') ? escaped(value) : code(value)
  return `| \`${key}\` | ${typeCell(option)} | ${fallback} | ${`${escaped(meaning)}${see(option, link)}`.trim()} |`
}

function typeCell({ type }: Option): string {
  return `\`${(type.length > LONGEST_TYPE ? `${type.slice(0, LONGEST_TYPE - 1)}…` : type).replaceAll('|', '\\|')}\``
}

function see({ names }: Option, link: Link): string {
  const links = [...new Set(names.flatMap((declared) => link(declared) ?? []))]
  return links.length === 0 ? '' : ` See ${links.join(', ')}.`
}

/** A value; prose has blanks. */
function code(value: string): string {
  return value.includes('`') ? escaped(value) : `\`${value.replaceAll('|', '\\|')}\``
}

/** In a cell, outside of code, `|` ends it and `<` begins HTML. */
function escaped(text: string): string {
  return text
    .replaceAll('|', '\\|')
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part : part.replace(/[<*_[\]]/g, '\\$&').replace(/\{@link (\S+?)\}/g, '`$1`')))
    .join('')
}
