import { authoringJsonSchema } from '@sluice/codec';
import type { Command } from 'commander';
import type { Host } from '../host.js';

export function addSchema(parent: Command, host: Host): void {
  parent
    .command('schema')
    .description('print the JSON Schema of friendly documents, for editors')
    .addHelpText('after', `\n${help}`)
    .action(
      host.local(async () => {
        const document = authoringJsonSchema() as Readonly<Record<string, unknown>>;
        return { document, text: () => JSON.stringify(document, null, 2) };
      }),
    );
}

const help = `Editors that speak the YAML language server check and complete a document that begins with

  # yaml-language-server: $schema=sluice.schema.json

after \`sluice schema > sluice.schema.json\` beside it; docs/schema/ holds a copy.

JSON: {$schema, type, properties, …}: the schema itself, with and without --json`;
