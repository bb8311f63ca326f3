#!/bin/bash
# librdkafka's own test runner: the tests that talk to a broker, a process each, three at a time. Needs git, a C++ compiler, OpenSSL and zlib.
#   run.sh HOST:PORT [NUMBER...]
#   LIBRDKAFKA_SRC       what to clone (default: GitHub's confluentinc/librdkafka)
#   LIBRDKAFKA_PROTOCOL  classic (default) or consumer, the protocol of the groups
set -u
here=$(cd "$(dirname "$0")" && pwd)
revision=4c3b017
export BROKERS=${1:?HOST:PORT}; shift
cache=${KT_COMPAT_DIR:-$HOME/.cache/kt-compat}/librdkafka-$revision
runner=$cache/source/tests/test-runner
if [ ! -e "$cache/ready" ]; then
  mkdir -p "$cache"
  [ -d "$cache/source" ] || git clone -q "${LIBRDKAFKA_SRC:-https://github.com/confluentinc/librdkafka}" "$cache/source" || exit 1
  cd "$cache/source" || exit 1
  # Some tests make topics with three replicas; there is one broker.
  git checkout -q "$revision" -- tests/test.c && sed -i 's/rd_kafka_NewTopic_new(topicname, partition_cnt, replication_factor,/rd_kafka_NewTopic_new(topicname, partition_cnt, replication_factor > 1 ? 1 : replication_factor,/' tests/test.c || exit 1
  { { [ -e config.h ] || ./configure; } && make -s -j2 libs && make -s -C tests -j2 build; } > "$cache/build.log" 2>&1 || { tail -20 "$cache/build.log" >&2; exit 1; }
  touch "$cache/ready"
fi
numbers=${*:-$(grep -v '^#' "$here/tests.txt" | awk '{print $1}')}
work=$(mktemp -d "$cache/run.XXXXXX")
trap 'rm -rf "$work"' EXIT
printf '%s\n' "bootstrap.servers=$BROKERS" broker.address.family=v4 test.timeout.multiplier=1.5 test.topic.random=true "test.topic.prefix=rdk$$" > "$work/test.conf"
export work runner RDKAFKA_TEST_CONF=$work/test.conf TEST_KAFKA_VERSION=4.3.0 TEST_CONSUMER_GROUP_PROTOCOL=${LIBRDKAFKA_PROTOCOL:-classic}
export LD_LIBRARY_PATH=../src:../src-cpp TEST_LEVEL=2 SECONDS_A_TEST=${SECONDS_A_TEST:-150}
cd "$cache/source/tests" || exit 1
one() {
  log=$work/$1
  TESTS=$1 timeout -k 2 "$SECONDS_A_TEST" "$runner" -p1 -Q -E -L -K > "$log" 2>&1
  code=$?
  why=$(sed 's/\x1b\[[0-9;]*m//g' "$log" | grep -aA1 -m1 '^### Test' | tr -s ' \t\n' ' ' | cut -c1-200)
  sed 's/\x1b\[[0-9;]*m//g' "$log" | awk -F'|' -v why="$why" -v number="$1" -v code=$code '
    $2 ~ /[0-9][0-9][0-9][0-9]_/ { gsub(/ /, "", $2); gsub(/ /, "", $3)
      if ($3 == "PASSED") print "PASS " $2; else if ($3 == "SKIPPED") print "SKIP " $2; else print "FAIL " $2 " " why
      told = 1 }
    END { if (!told) print "FAIL " number " ended with " code " " why }'
}
export -f one
printf '%s\n' $numbers | xargs -P 3 -I{} bash -c 'one {}'
