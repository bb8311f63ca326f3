#!/bin/bash
# run.sh HOST:PORT [REGEX]: everyday paths of a kafka-go user. Needs Go.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${KT_COMPAT_DIR:-$HOME/.cache/kt-compat}
mkdir -p "$cache"
(cd "$here" && go build -o "$cache/kafka-go" .) >&2
exec "$cache/kafka-go" "$@"
