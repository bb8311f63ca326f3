#!/bin/bash
# run.sh HOST:PORT [REGEX]: everyday paths of users of kafkajs and @platformatic/kafka. Needs Node 20 and npm.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${KT_COMPAT_DIR:-$HOME/.cache/kt-compat}/node-1
mkdir -p "$cache"
cp "$here"/*.js "$here/package.json" "$cache/"
[ -e "$cache/ready" ] || { (cd "$cache" && npm install --no-audit --no-fund --ignore-scripts) >&2; touch "$cache/ready"; }
cd "$cache"
KAFKAJS_NO_PARTITIONER_WARNING=1 exec node --no-warnings main.js "$@"
