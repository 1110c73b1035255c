import { describe, expect, it } from '@jest/globals'
import { loadPackage } from '../src/load-package.ts'

describe('loadPackage', () => {
  it('says which package to install when it is missing', async () => {
    await expect(loadPackage('@comm/messaging-carrier-pigeon', "messaging (type 'carrier-pigeon')")).rejects.toMatchObject({
      code: 'COMM_PACKAGE_MISSING',
      message:
        "@comm/messaging-carrier-pigeon is needed by messaging (type 'carrier-pigeon') and is not installed; run: npm install @comm/messaging-carrier-pigeon",
      details: { package: '@comm/messaging-carrier-pigeon' },
    })
  })

  it('gives what the package exports', async () => {
    expect(await loadPackage('@comm/core', 'this test')).toHaveProperty('pipeline')
  })
})
