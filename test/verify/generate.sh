#!/usr/bin/env bash
# Makes everything that is generated and committed.
set -euo pipefail
cd "$(dirname "$0")/../.."
(cd proto && buf format -w . && buf generate && buf build -o ../packages/proto/descriptors.binpb)
tsc -b
for folder in services/*/sql; do
  # Into a file of its own first: a dump that fails must not empty the committed one.
  node test/dist/dump-schema.js "${folder%/sql}" > "$folder/schema.sql.new"
  mv "$folder/schema.sql.new" "$folder/schema.sql"
done
