#!/usr/bin/env bash
# Makes everything that is generated and committed.
set -euo pipefail
cd "$(dirname "$0")/../.."
(cd proto && buf format -w . && buf generate && buf build -o ../packages/proto/descriptors.binpb)
tsc -b
node packages/cli/dist/reference-main.js > docs/cli.md
node packages/cli/bin/sluice.js schema > docs/schema/sluice.schema.json
biome format --write docs/schema > /dev/null
for folder in services/*/sql; do
  # Into a file of its own first: a dump that fails must not empty the committed one.
  node test/dist/dump-schema.js "${folder%/sql}" > "$folder/schema.sql.new"
  mv "$folder/schema.sql.new" "$folder/schema.sql"
done
