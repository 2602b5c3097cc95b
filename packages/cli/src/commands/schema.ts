import { authoringJsonSchema } from '@sluice/codec';
import type { Command } from 'commander';
import type { Host } from '../host.js';

export function addSchema(parent: Command, host: Host): void {
  parent
    .command('schema')
    .description('print the JSON Schema of friendly documents, for editors')
    .addHelpText('after', '\nJSON: {$schema, type, properties, …}: the schema itself, with and without --json')
    .action(
      host.local(async () => {
        const document = authoringJsonSchema() as Readonly<Record<string, unknown>>;
        return { document, text: () => JSON.stringify(document, null, 2) };
      }),
    );
}
