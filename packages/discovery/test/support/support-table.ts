import { type ContractReport, REGISTRY_CONTRACT, supportInReadme } from '@comm/testkit'

/** What a run of the contract showed is what the documentation states. */
export const report: (report: ContractReport) => void = supportInReadme(
  new URL('../../../../docs/service-discovery.md', import.meta.url),
  { contract: REGISTRY_CONTRACT },
)
