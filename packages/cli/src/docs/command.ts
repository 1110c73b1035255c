import type { Command } from 'commander'
import type { Bind } from '../invocation.ts'
import { diffDocuments } from './diff.ts'
import { writeDocuments } from './write.ts'

export function addDocsCommands(program: Command, bind: Bind): void {
  const docs = program
    .command('docs')
    .argument('<module>', 'the module that exports a contract; module#name where it exports several')
    .description('write the AsyncAPI and OpenAPI documents of a contract, or compare two')
    .option('--out <folder>', 'where asyncapi.json and openapi.json go', '.')
    .option('--check', 'write nothing; end with 1 when what is there differs')
  bind(docs, writeDocuments)
  const diff = docs
    .command('diff <old> <new>')
    .description('find what breaks others, between two AsyncAPI 3 or two OpenAPI 3 documents, JSON or YAML')
    .option('--json', 'a line of JSON for each finding')
    .addHelpText('after', '\nIt ends with 1 when it finds something.')
  bind(diff, diffDocuments)
}
