import { describe, expect, it } from '@jest/globals'
import { snippets } from '../check/snippets.ts'
import { extractSnippets } from '../check/snippets-extract.ts'
import { linkModules, plantWorkspace } from './planted.ts'

const fence = '```'

describe('extractSnippets', () => {
  it('finds fences of TypeScript, indented ones too, and where their code begins', () => {
    const text = `# Title\n\n${fence}ts\nconst a = 1\n${fence}\n- item\n  ${fence}ts no-run\n  const b = \`\n    2\`\n  ${fence}\n${fence}sh\nls\n${fence}\n`
    expect(extractSnippets('x.md', text)).toEqual({
      snippets: [
        { file: 'x.md', line: 4, code: 'const a = 1', runs: true },
        { file: 'x.md', line: 8, code: 'const b = `\n  2`', runs: false },
      ],
      problems: [],
    })
  })

  it('leaves alone what a longer fence quotes', () => {
    expect(extractSnippets('x.md', `${fence}\`md\n${fence}ts\nnonsense(\n${fence}\n${fence}\`\n`)).toEqual({
      snippets: [],
      problems: [],
    })
  })

  it.each([
    [`${fence}typescript\n1\n${fence}`, `x.md:1: write ${fence}ts, so that it is checked; got ${fence}typescript`],
    [`\n${fence}ts\n1`, 'x.md:2: this fence is never closed'],
  ])('refuses %j', (text, problem) => {
    expect(extractSnippets('x.md', text).problems).toEqual([problem])
  })
})

describe('snippets', () => {
  it('names document and line of what does not compile and of what does not end well', async () => {
    using planted = plantWorkspace({
      'tsconfig.base.json': { compilerOptions: { strict: true, target: 'es2024', module: 'nodenext', types: ['node'] } },
      'README.md': `text\n\n${fence}ts\nconst a: string = \n  5\nexport { a }\n${fence}\n\n${fence}ts no-run\nthrow new Error('not run')\n${fence}\n${fence}ts\nprocess.exit(7)\n${fence}\n`,
      'docs/x/deep.md': `${fence}ts\nconsole.log('before')\n\nthrow new Error('gone')\n${fence}\n\n${fence}ts\nconsole.log('fine')\n${fence}`,
      'packages/core/package.json': { name: '@comm/core' },
    })
    linkModules(planted.root)
    const { read, failures } = await snippets.run(planted.root)
    expect(read).toBe(5)
    expect(failures).toHaveLength(4)
    expect(failures[0]).toBe(`packages/core/README.md: has no ${fence}ts example that runs`)
    expect(failures[1]).toMatch(/^README\.md:4:7: error TS2322/)
    expect(failures[2]).toMatch(/^README\.md:13: ended with code 7/)
    expect(failures[3]).toMatch(/^docs\/x\/deep\.md:2: ended with code 1\nbefore\n.*docs\/x\/deep\.md:4/s)
  })
})
