import GithubSlugger from 'github-slugger'
import { fromMarkdown } from 'mdast-util-from-markdown'
import { toString as textOf } from 'mdast-util-to-string'

type Root = ReturnType<typeof fromMarkdown>
type Nodes = Root | Root['children'][number]

/** Where a Markdown file points to. */
export interface Link {
  /** As written, without a title. */
  readonly target: string
  /** From 1. */
  readonly line: number
}

export interface Page {
  /** Of links, images and definitions. */
  readonly links: readonly Link[]
  /** The anchors that GitHub gives its headings. */
  readonly anchors: ReadonlySet<string>
}

export function readMarkdown(markdown: string): Page {
  const links: Link[] = []
  const anchors = new Set<string>()
  const slugger = new GithubSlugger()
  const read = (node: Nodes): void => {
    if (node.type === 'heading') anchors.add(slugger.slug(textOf(node)))
    if ('url' in node) links.push({ target: node.url, line: node.position?.start.line ?? 0 })
    if ('children' in node) node.children.forEach(read)
  }
  read(fromMarkdown(markdown))
  return { links, anchors }
}
