#!/bin/bash
# librdkafka's own test runner with the consumer protocol (KIP-848): run.sh HOST:PORT [NUMBER...]. See ../librdkafka/run.sh.
here=$(cd "$(dirname "$0")" && pwd)
address=${1:?HOST:PORT}; shift
numbers=${*:-$(grep -v '^#' "$here/tests.txt" | awk '{print $1}')}
LIBRDKAFKA_PROTOCOL=consumer exec "$here/../librdkafka/run.sh" "$address" $numbers
