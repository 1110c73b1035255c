import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { optionsPages } from '../options/pages.ts'
import type { Part } from './part.ts'

/** The tables of options are what the sources say. */
export const options: Part = {
  name: 'options',
  failsWhen: 'a page of docs/options differs from what `pnpm options` writes',
  run: async (root) => {
    const pages = optionsPages(root)
    const there = globSync('docs/options/*.md', { cwd: root })
    const stale = [...pages].filter(([file, text]) => !there.includes(file) || readFileSync(join(root, file), 'utf8') !== text)
    const left = there.filter((file) => !pages.has(file))
    return {
      read: pages.size,
      unit: 'pages',
      failures: [
        ...stale.map(([file]) => `${file}: is not what the sources say; run pnpm options`),
        ...left.map((file) => `${file}: is of no package; remove it`),
      ],
    }
  },
}
