import { describe, expect, it } from '@jest/globals'
import { pathTemplate } from '../../src/telemetry/path-template.ts'

describe('a path in metrics', () => {
  it.each([
    ['/', '/'],
    ['/users', '/users'],
    ['/users/7', '/users/{id}'],
    ['/users/7/orders/', '/users/{id}/orders/'],
    ['/api/v2/users/4bf92f35-77b3-4da6-a3ce-929d0e0e4736', '/api/v2/users/{id}'],
    ['/users/ada@example.com', '/users/{id}'],
    ['/users/J%C3%B6rg', '/users/{id}'],
    [`/files/${'x'.repeat(33)}`, '/files/{id}'],
    ['/v2024', '/{id}'],
    ['/a/b/c/d/e/f/g/h/i/j', '/a/b/c/d/e/f/g/h/…'],
  ])('%s is %s', (path, template) => expect(pathTemplate(path)).toBe(template))
})
