#!/bin/bash
# run.sh HOST:PORT [REGEX]: six clients in Python, Go and JavaScript log in by TLS and SASL. HOST:PORT is the plain listener of a broker with
# the settings of broker.properties. Needs what the suites python and node need, and Go.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${KT_COMPAT_DIR:-$HOME/.cache/kt-compat}
python=$("$here/../python/install"); node=$("$here/../node/install")
(cd "$here" && go build -o "$cache/security" .) >&2
export KT_COMPAT_SECURITY PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here/../python KAFKAJS_NO_PARTITIONER_WARNING=1
KT_COMPAT_SECURITY=$(mktemp); trap 'rm -f "$KT_COMPAT_SECURITY"' EXIT
"$python" "$here/prepare.py" "$1" "$KT_COMPAT_SECURITY"
failed=0
"$python" "$here/main.py" "$@" || failed=1
"$cache/security" "$@" || failed=1
cp "$here/secure-kafkajs.js" "$node/"
(cd "$node" && node --no-warnings secure-kafkajs.js "$@") || failed=1
exit $failed
