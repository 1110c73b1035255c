import { ConfigurationError } from '@comm/core'
import type { JsonDocument } from '../documents/json-document.ts'
import { compareAsyncApi } from './async-api.ts'
import { type BreakingChange, Findings } from './findings.ts'
import { OpenApiComparison } from './open-api.ts'

/**
 * What of a contract breaks those who rely on its earlier version: both AsyncAPI 3, or both OpenAPI 3.
 *
 * What others send (requests, messages that are received) must still be taken; what they get (answers, messages that are sent) must be nothing that
 * they did not know. Others are taken to pass over properties that they do not know.
 * @throws ConfigurationError for documents that are of no such kind, or of two
 */
export function breakingChanges(before: JsonDocument, after: JsonDocument): readonly BreakingChange[] {
  const kinds = [kindOf('the earlier document', before), kindOf('the later document', after)]
  if (kinds[0] !== kinds[1]) throw new ConfigurationError(`both documents must be of one kind, got ${kinds[0]} and ${kinds[1]}`)
  const findings = new Findings(before, after)
  if (kinds[0] === 'AsyncAPI') compareAsyncApi(before, after, findings)
  else new OpenApiComparison(before, after, findings).run()
  return findings.all
}

function kindOf(what: string, document: JsonDocument): 'AsyncAPI' | 'OpenAPI' {
  const { asyncapi, openapi } = Object(document) as JsonDocument
  if (typeof asyncapi === 'string' && asyncapi.startsWith('3.')) return 'AsyncAPI'
  if (typeof openapi === 'string' && openapi.startsWith('3.')) return 'OpenAPI'
  throw new ConfigurationError(`${what} must be AsyncAPI 3 or OpenAPI 3, got ${asyncapi ?? openapi ?? 'neither'}`)
}
