export { userContract } from './contract.ts'
export { createUserService, type UserService, type UserServiceOptions } from './service.ts'
export { findUser, type User } from './users.ts'
