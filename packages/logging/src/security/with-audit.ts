import type { Logger, SecurityLogger } from '@comm/core'
import type { AuditEvent } from './audit-record.ts'
import type { AuditTrail } from './audit-trail.ts'

/**
 * A security logger whose events go into an audit trail too. One that cannot be recorded there is an error line of `logger`; whoever logs
 * does not notice.
 */
export function withAudit(security: SecurityLogger, audit: Pick<AuditTrail, 'record'>, logger: Logger): SecurityLogger {
  const record = (event: AuditEvent): void => {
    try {
      audit.record(event)
    } catch (error) {
      const lost = 'a security event is missing in the audit trail'
      logger.child({ logger: 'security' }).error(lost, { event: 'audit-failure', error, audit: event })
    }
  }
  return {
    authentication(event) {
      security.authentication(event)
      record({ ...event, action: 'authenticate', resource: event.method })
    },
    authorization(event) {
      security.authorization(event)
      record({ ...event, outcome: event.outcome === 'allowed' ? 'success' : 'denied' })
    },
    suspicious({ kind, severity, details, ...event }) {
      security.suspicious({ kind, severity, ...event, ...(details === undefined ? {} : { details }) })
      record({ ...event, action: 'suspicious', resource: kind, outcome: 'failure', details: { severity, ...details } })
    },
  }
}
