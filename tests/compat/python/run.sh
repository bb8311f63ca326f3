#!/bin/bash
# run.sh HOST:PORT [REGEX]: everyday paths of users of kafka-python, confluent-kafka and aiokafka. Needs what ./install needs.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=$("$here/install")
exec env PYTHONDONTWRITEBYTECODE=1 "$python" "$here/main.py" "$@"
