/** A fence of TypeScript in a Markdown file. */
export interface Snippet {
  /** The Markdown file, relative to the root. */
  readonly file: string
  /** Line of the first line of code, from 1. */
  readonly line: number
  readonly code: string
  /** Marked `no-run`: checked, never executed. */
  readonly runs: boolean
}

export interface Extracted {
  readonly snippets: readonly Snippet[]
  readonly problems: readonly string[]
}

/** What nobody would check, because only `ts` is. */
const LOOKALIKES: ReadonlySet<string> = new Set(['typescript', 'tsx', 'mts', 'js', 'javascript', 'jsx', 'mjs'])

/** Every ```ts fence. A fence of another name for the same language, and one that never ends, is a problem. */
export function extractSnippets(file: string, markdown: string): Extracted {
  const snippets: Snippet[] = []
  const problems: string[] = []
  let open:
    | { readonly fence: string; readonly indent: number; readonly info: readonly string[]; readonly line: number }
    | undefined
  let code: string[] = []
  for (const [at, text] of markdown.split(/\r?\n/).entries()) {
    const found = /^( *)(`{3,}|~{3,})\s*(.*)$/.exec(text)
    if (open === undefined) {
      if (found === null) continue
      const [, indent = '', fence = '', info = ''] = found
      open = { fence, indent: indent.length, info: info.trim().split(/\s+/), line: at + 2 }
      code = []
    } else if (found?.[2]?.startsWith(open.fence) && found[3] === '') {
      const [language = '', ...marks] = open.info
      if (language === 'ts') snippets.push({ file, line: open.line, code: code.join('\n'), runs: !marks.includes('no-run') })
      else if (LOOKALIKES.has(language))
        problems.push(`${file}:${open.line - 1}: write \`\`\`ts, so that it is checked; got \`\`\`${language}`)
      open = undefined
    } else {
      code.push(text.slice(Math.min(open.indent, text.length - text.trimStart().length)))
    }
  }
  if (open !== undefined) problems.push(`${file}:${open.line - 1}: this fence is never closed`)
  return { snippets, problems }
}
