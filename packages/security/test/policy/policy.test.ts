import type { Principal } from '@comm/core'
import { bearer, gate } from '@comm/security'
import {
  allOf,
  anyOf,
  authenticated,
  denyAll,
  not,
  type Policy,
  type PolicyData,
  policyFromData,
  requireAnyRole,
  requireAnyScope,
  requireRoles,
  requireScopes,
  when,
} from '@comm/security/policy'
import { describe, expect, it } from '@jest/globals'

const ada: Principal = {
  subject: 'ada',
  method: 'jwt',
  scopes: ['orders:read', 'orders:write'],
  roles: ['clerk'],
  attributes: { tenant: 't1', regions: ['eu', 'us'], address: { country: 'ES' } },
}
const reading = { action: 'GET', resource: '/orders/7', attributes: { tenant: 't1', owner: 'ada' } }

function told(policy: Policy, request: typeof reading | { action: string; resource: string } = reading): true | string {
  const decision = policy(ada, request)
  return decision.allowed || decision.reason
}

describe('policies as functions', () => {
  it.each<[string, Policy, true | string]>([
    ['authenticated', authenticated(), true],
    ['denyAll', denyAll(), 'nothing allows it'],
    ['scopes that are there', requireScopes('orders:read', 'orders:write'), true],
    ['a scope that is missing', requireScopes('orders:read', 'orders:delete'), 'it lacks the scope orders:delete'],
    ['one of several scopes', requireAnyScope('orders:delete', 'orders:read'), true],
    ['none of several scopes', requireAnyScope('a', 'b'), 'it has none of the scopes a, b'],
    ['a role that is there', requireRoles('clerk'), true],
    ['a role that is missing', requireRoles('admin'), 'it lacks the role admin'],
    ['one of several roles', requireAnyRole('admin', 'clerk'), true],
    ['none of several roles', requireAnyRole('admin'), 'it has none of the roles admin'],
    ['a condition that holds', when(({ subject }, { attributes }) => attributes?.['owner'] === subject, 'not its own'), true],
    ['a condition that does not', when(() => false, 'it is Sunday'), 'it is Sunday'],
    ['all of', allOf(authenticated(), requireRoles('admin')), 'it lacks the role admin'],
    ['any of', anyOf(requireRoles('admin'), authenticated()), true],
    ['any of, none', anyOf(requireRoles('admin'), requireScopes('x')), 'it lacks the role admin; it lacks the scope x'],
    ['not', not(requireRoles('clerk'), 'clerks may not'), 'clerks may not'],
    ['all of nothing', allOf(), 'nothing allows it'],
    ['any of nothing', anyOf(), 'nothing allows it'],
  ])('%s', (_name, policy, expected) => {
    expect(told(policy)).toBe(expected)
  })

  it('one that throws has not allowed anything', async () => {
    const broken: Policy = () => {
      throw new Error('no database')
    }
    const verifier = { method: 'test', verify: async () => ({ principal: ada, claims: {}, header: {} }) }
    const admitting = gate({ authenticators: [bearer(verifier)], policy: broken }).admit({ header: () => 'Bearer x' }, reading)
    await expect(admitting).rejects.toMatchObject({
      code: 'COMM_AUTHORIZATION',
      message: 'ada may not GET /orders/7: the policy failed: no database',
    })
  })
})

const data = (...rules: PolicyData['rules']): Policy => policyFromData({ rules })
const allowWhen = (condition: NonNullable<PolicyData['rules'][number]['when']>): Policy =>
  data({ name: 'it', effect: 'allow', when: condition })
const DOES_NOT_HOLD = 'what it asks for does not hold'

describe('policies as data', () => {
  it.each<[string, Policy, true | string]>([
    ['no rules', data(), 'no rule allows it'],
    ['a rule for everything', data({ effect: 'allow' }), true],
    ['a rule for another action', data({ effect: 'allow', actions: ['POST'] }), 'no rule allows it'],
    ['a rule for the resource', data({ effect: 'allow', actions: ['GET'], resources: ['/orders/*'] }), true],
    ['one star does not cross a slash', data({ effect: 'allow', resources: ['/*'] }), 'no rule allows it'],
    ['two stars do', data({ effect: 'allow', resources: ['/**'] }), true],
    [
      'deny beats allow',
      data({ effect: 'allow' }, { name: 'closed', effect: 'deny', resources: ['/orders/**'] }),
      'closed denies it',
    ],
    ['deny that does not apply', data({ effect: 'allow' }, { effect: 'deny', when: { roles: ['admin'] } }), true],
    ['scopes', allowWhen({ scopes: ['orders:read'] }), true],
    ['missing scopes', allowWhen({ scopes: ['orders:read', 'x'] }), DOES_NOT_HOLD],
    ['roles', allowWhen({ roles: ['clerk'] }), true],
    ['all', allowWhen({ all: [{ roles: ['clerk'] }, { scopes: ['x'] }] }), DOES_NOT_HOLD],
    ['any', allowWhen({ any: [{ scopes: ['x'] }, { roles: ['clerk'] }] }), true],
    ['not', allowWhen({ not: { roles: ['admin'] } }), true],
    ['a claim', allowWhen({ attribute: 'principal.attributes.address.country', equals: 'ES' }), true],
    [
      'two attributes',
      allowWhen({ attribute: 'request.attributes.tenant', equals: { attribute: 'principal.attributes.tenant' } }),
      true,
    ],
    ['its own', allowWhen({ attribute: 'request.attributes.owner', equals: { attribute: 'principal.subject' } }), true],
    ['in', allowWhen({ attribute: 'request.action', in: ['GET', 'HEAD'] }), true],
    ['contains', allowWhen({ attribute: 'principal.attributes.regions', contains: 'us' }), true],
    ['contains, no list', allowWhen({ attribute: 'principal.attributes.tenant', contains: 't' }), DOES_NOT_HOLD],
    ['exists', allowWhen({ attribute: 'principal.attributes.tenant', exists: true }), true],
    ['absent', allowWhen({ attribute: 'principal.attributes.x', exists: false }), true],
    [
      'two absent attributes are not equal',
      allowWhen({ attribute: 'principal.attributes.x', equals: { attribute: 'request.attributes.x' } }),
      DOES_NOT_HOLD,
    ],
    ['nothing on a prototype', allowWhen({ attribute: 'principal.attributes.constructor.name', exists: true }), DOES_NOT_HOLD],
  ])('%s', (_name, policy, expected) => {
    expect(told(policy)).toBe(expected)
  })

  it('is refused with every problem at once', () => {
    const wrong = {
      rules: [
        { effect: 'permit', resource: ['/'] },
        { effect: 'allow', actions: [], when: { scope: ['a'] } },
        { effect: 'allow', when: { attribute: 'password', equals: 1 } },
        7,
      ],
    } as unknown as PolicyData
    expect(() => policyFromData(wrong, 'orders.policy')).toThrow(
      [
        '6 options of orders.policy are wrong:',
        '  orders.policy.rules[0].resource must be absent: known are name, effect, actions, resources, when, got an array of 1',
        "  orders.policy.rules[0].effect must be 'allow' or 'deny', got 'permit'",
        '  orders.policy.rules[1].actions must be an array of at least one non-empty string of at most 256 characters, got an array of 0',
        '  orders.policy.rules[1].when must be one of all, any, not, scopes, roles, or attribute with equals, in, contains or exists, got an object with keys scope',
        "  orders.policy.rules[2].when.attribute must be principal.subject, .method, .issuer, .scopes, .roles, .attributes.<name>, or request.action, .resource, .attributes.<name>, got 'password'",
        '  orders.policy.rules[3] must be an object with effect, actions, resources, when, got 7',
      ].join('\n'),
    )
  })
})
