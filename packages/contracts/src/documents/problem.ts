import type { JsonSchema } from '@comm/core/schema'

/** The problem documents that `@comm/http/server` answers with: RFC 9457, and two members of ours. */
export const PROBLEM: JsonSchema = {
  type: 'object',
  description: 'A problem document (RFC 9457).',
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'Only what the caller did wrong.' },
    code: { type: 'string', description: 'Stable, such as COMM_VALIDATION.' },
    correlationId: { type: 'string' },
    issues: { type: 'array', description: 'Where the data is wrong.' },
  },
  required: ['type', 'title', 'status'],
}
