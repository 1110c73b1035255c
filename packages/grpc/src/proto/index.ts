export { breaking, lint } from './checks.ts'
export { type FromSchemaOptions, fromSchema } from './from-schema/index.ts'
export { GENERATE_DEFAULTS, type GenerateOptions, generate, outdated } from './generate.ts'
export { ToolFailure } from './tool.ts'
