import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { type Link, readMarkdown } from './links-extract.ts'
import type { Part } from './part.ts'

const DOCUMENTS = ['*.md', 'docs/**/*.md', '{packages,apps}/*/README.md', 'bench/**/*.md', 'deploy/**/*.md', 'protos/**/*.md']
const INDEX = 'docs/README.md'

/** Every page can be found, and every link of a page leads somewhere. */
export const links: Part = {
  name: 'links',
  failsWhen: `a relative link in Markdown leads to no file or no heading, or a page of docs/ is not linked from ${INDEX}`,
  run: async (root) => {
    const documents = globSync(DOCUMENTS, { cwd: root, exclude: (name) => name.includes('node_modules') }).sort()
    const pages = new Map(documents.map((file) => [file, readMarkdown(readFileSync(join(root, file), 'utf8'))]))
    const broken = [...pages].flatMap(([file, page]) =>
      page.links.flatMap((link) => {
        const problem = problemOf(root, file, link, (other) => pages.get(other)?.anchors)
        return problem === undefined ? [] : [`${file}:${link.line}: ${problem}`]
      }),
    )
    return { read: documents.length, unit: 'documents', failures: [...broken, ...unlinked(documents, pages.get(INDEX)?.links)] }
  },
}

type AnchorsOf = (file: string) => ReadonlySet<string> | undefined

function problemOf(root: string, file: string, { target }: Link, anchorsOf: AnchorsOf): string | undefined {
  if (isElsewhere(target)) return undefined
  if (target.startsWith('/')) return `the link to ${target} must be relative`
  const { path, anchor } = parts(file, target)
  if (path.startsWith('../')) return `the link to ${target} leaves the repository`
  if (!existsSync(join(root, path))) return `the link to ${target} leads to no file`
  if (anchor === '') return undefined
  const anchors = anchorsOf(path)
  if (anchors === undefined) {
    // Lines of a source are GitHub's business.
    return statSync(join(root, path)).isFile() && /^L\d/.test(anchor)
      ? undefined
      : `the link to ${target} has an anchor, and leads to no page`
  }
  return anchors.has(anchor) ? undefined : `the link to ${target} leads to no heading`
}

/** Of another scheme, or another host. */
function isElsewhere(target: string): boolean {
  return /^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(target)
}

/** A folder stands for itself; `path` is relative to the root. */
function parts(file: string, target: string): { readonly path: string; readonly anchor: string } {
  const [location = '', anchor = ''] = target.split('#', 2)
  const path = location === '' ? file : posix.normalize(posix.join(dirname(file), decodeURIComponent(location)))
  return { path: path.replace(/\/$/, ''), anchor: decodeURIComponent(anchor) }
}

/** Pages of a folder with an index of its own are found through that. */
function unlinked(documents: readonly string[], ofIndex: readonly Link[] | undefined): readonly string[] {
  const pages = documents.filter((file) => file.startsWith('docs/') && file !== INDEX)
  if (pages.length === 0) return []
  if (ofIndex === undefined) return [`${INDEX}: is not there, and should link to every page of docs/`]
  const linked = new Set(ofIndex.filter(({ target }) => !isElsewhere(target)).map(({ target }) => parts(INDEX, target).path))
  const indexed = (page: string): boolean =>
    linked.has(page) ||
    (dirname(page) !== 'docs' && page !== `${dirname(page)}/README.md` && linked.has(`${dirname(page)}/README.md`))
  return pages.filter((page) => !indexed(page)).map((page) => `${page}: is not linked from ${INDEX}`)
}
