export { type DynamicDefinition, type DynamicMessage, type DynamicMethod, definitionFrom } from './definition.ts'
export { reflectedDescriptors } from './reflection.ts'
