#!/usr/bin/env bash
# What is generated is committed: generates it again beside the original and shows any difference.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

same() {
  diff -r "$1" "$2" && return
  echo "$1 is not what \`make generate\` makes. Run it and commit the result." >&2
  exit 1
}

mkdir -p "$work/proto"
(cd proto && buf generate --output "$work/proto" && buf build -o "$work/descriptors.binpb")
same packages/proto/src/gen "$work/packages/proto/src/gen"
same packages/proto/descriptors.binpb "$work/descriptors.binpb"

# Old clients and servers must survive: compared with main, where its history is there.
if git rev-parse --verify --quiet origin/main >/dev/null; then
  (cd proto && buf breaking --against '../.git#ref=origin/main,subdir=proto')
fi

for folder in services/*/sql; do
  node test/dist/dump-schema.js "${folder%/sql}" > "$work/schema.sql"
  same "$folder/schema.sql" "$work/schema.sql"
done
echo 'Generated code and schema dumps are up to date.'
