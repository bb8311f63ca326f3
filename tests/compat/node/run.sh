#!/bin/bash
# run.sh HOST:PORT [REGEX]: everyday paths of users of kafkajs and @platformatic/kafka. Needs what ./install needs.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$("$here/install")"
KAFKAJS_NO_PARTITIONER_WARNING=1 exec node --no-warnings main.js "$@"
