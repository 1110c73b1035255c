import { describe, expect, it } from '@jest/globals'
import { links } from '../check/links.ts'
import { readMarkdown } from '../check/links-extract.ts'
import { plantWorkspace } from './planted.ts'

const fence = '```'

describe('readMarkdown', () => {
  it.each([
    ['see [a](b.md) and [`c`](d.md#e)', ['b.md', 'd.md#e']],
    ['[![badge](x.svg)](y.md "title")', ['y.md', 'x.svg']],
    ['| a | b |\n|---|---|\n| [a [b]](<c.md>) | [d](e_(f).md) |', ['c.md', 'e_(f).md']],
    ['[name]: other.md', ['other.md']],
    ['`[code](not.md)` and ``[more `code`](not.md)``', []],
    [`${fence}md\n[quoted](not.md)\n${fence}`, []],
  ])('finds the links of %j', (text, targets) => {
    expect(readMarkdown(text).links.map(({ target }) => target)).toEqual(targets)
  })

  it('tells the line of a link', () => {
    expect(readMarkdown('one\n\n[a](b.md)').links).toEqual([{ target: 'b.md', line: 3 }])
  })

  it('makes the anchors that GitHub makes', () => {
    const text = `# \`code\` & more: it's\n## Same\n## Same\n## [Linked](x.md)\n## Configuración\n${fence}sh\n# no heading\n${fence}\n`
    expect([...readMarkdown(text).anchors]).toEqual(['code--more-its', 'same', 'same-1', 'linked', 'configuración'])
  })
})

describe('links', () => {
  it('names what leads nowhere, and pages that nobody finds', async () => {
    using planted = plantWorkspace({
      'README.md':
        '[docs](docs) [gone](docs/gone.md)\n[fine](docs/a.md#part-one) [part](docs/a.md#part-two)\n[site](https://example.org/x.md)',
      'docs/README.md': '# Docs\n[a](a.md) [decisions](decisions/README.md) [self](#docs) [no](#nothing)',
      'docs/a.md':
        '## Part one\n[up](../README.md) [out](../../elsewhere.md) [root](/README.md) [source](../packages/x/src/index.ts#L3)',
      'docs/hidden.md': '',
      'docs/decisions/README.md': '',
      'docs/decisions/0001.md': '',
      'docs/migration/b.md': '',
      'packages/x/README.md': '[docs](../../docs/a.md)',
      'packages/x/src/index.ts': '',
    })
    const { read, failures } = await links.run(planted.root)
    expect(read).toBe(8)
    expect(failures).toEqual([
      'README.md:1: the link to docs/gone.md leads to no file',
      'README.md:2: the link to docs/a.md#part-two leads to no heading',
      'docs/README.md:2: the link to #nothing leads to no heading',
      'docs/a.md:2: the link to ../../elsewhere.md leaves the repository',
      'docs/a.md:2: the link to /README.md must be relative',
      'docs/hidden.md: is not linked from docs/README.md',
      'docs/migration/b.md: is not linked from docs/README.md',
    ])
  })

  it('misses an index', async () => {
    using planted = plantWorkspace({ 'docs/a.md': '' })
    expect((await links.run(planted.root)).failures).toEqual([
      'docs/README.md: is not there, and should link to every page of docs/',
    ])
  })
})
