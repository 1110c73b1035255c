export { seededRandom } from '@comm/core'
