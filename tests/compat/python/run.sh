#!/bin/bash
# run.sh HOST:PORT [REGEX]: everyday paths of users of kafka-python, confluent-kafka and aiokafka. Needs Python 3.11 with venv and pip.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${KT_COMPAT_DIR:-$HOME/.cache/kt-compat}/python-1
if [ ! -e "$cache/ready" ]; then
  python3 -m venv "$cache"
  "$cache/bin/pip" -q install --disable-pip-version-check kafka-python==3.0.12 confluent-kafka==2.16.1 aiokafka==0.14.0 >&2
  touch "$cache/ready"
fi
exec env PYTHONDONTWRITEBYTECODE=1 "$cache/bin/python" "$here/main.py" "$@"
