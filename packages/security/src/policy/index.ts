export type { Condition, Operand } from './condition.ts'
export {
  type AccessRequest,
  allOf,
  anyOf,
  authenticated,
  type Decision,
  denyAll,
  not,
  type Policy,
  requireAnyRole,
  requireAnyScope,
  requireRoles,
  requireScopes,
  when,
} from './policy.ts'
export { type PolicyData, type PolicyRule, policyFromData } from './policy-data.ts'
