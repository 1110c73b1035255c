export { notificationContract } from './contract.ts'
export { type Mail, Mailer } from './mailer.ts'
export { createNotificationService, GROUP, type NotificationService, type NotificationServiceOptions } from './service.ts'
