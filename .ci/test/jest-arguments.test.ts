import { describe, expect, it } from '@jest/globals'
import { arrangeArguments } from '../jest-arguments.ts'

describe('arrangeArguments', () => {
  it.each([
    ['', ''],
    ['packages/core/', 'packages/core/'],
    ['packages/core/ -- clock', 'packages/core/ clock'],
    ['--selectProjects unit', '--selectProjects unit'],
    ['--selectProjects unit packages/core -t breaker', 'packages/core -t breaker --selectProjects unit'],
    ['--selectProjects unit -- packages/core/ -t breaker', 'packages/core/ -t breaker --selectProjects unit'],
  ])('makes of %j %j', (given, arranged) => {
    expect(arrangeArguments(given.split(' ').filter(Boolean)).join(' ')).toBe(arranged)
  })
})
