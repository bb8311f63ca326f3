#!/bin/bash
# franz-go's own tests of package kgo, those that talk to a broker. Needs Go.
#   run.sh HOST:PORT [REGEX of tests]
# KGO_TEST_SCRAM_SEEDS and KGO_TEST_SCRAM=user:password, of another listener, add the two tests of SCRAM.
set -u
version=1.22.2
broker=${1:?HOST:PORT}
cache=${KT_COMPAT_DIR:-$HOME/.cache/kt-compat}/kgo-$version
if [ ! -x "$cache/kgo.test" ]; then
  rm -rf "$cache"; mkdir -p "$cache"
  (cd "$cache" && go mod download -json "github.com/twmb/franz-go@v$version" > module.json) || { cat "$cache/module.json"; exit 1; }
  source=$(sed -n 's/.*"Dir": "\(.*\)",*/\1/p' "$cache/module.json")
  cp -r "$source" "$cache/source" && chmod -R u+w "$cache/source"
  (cd "$cache/source" && go test -c -o "$cache/kgo.test" ./pkg/kgo) >&2 || exit 1
fi
cd "$cache/source/pkg/kgo" || exit 1
# The tests whose body makes a client of the broker.
tests=${2:-$(awk '/^func /{f=$2} /newTestClient|tmpTopic|getSeedBrokers|adm\(\)|scramSeeds|newTestConsumer/ && f ~ /^Test/{sub(/\(.*/,"",f); print f}' ./*_test.go | sort -u | paste -sd'|')}
export KGO_SEEDS=$broker KGO_LOG_LEVEL=none
export KGO_TEST_RF=1 KGO_TEST_RECORDS=${KGO_TEST_RECORDS:-20000} KGO_TEST_MAX_TOPIC_PARTS=7
# A line a test, subtests too; a failure with the first thing it said.
timeout 420 "$cache/kgo.test" -test.v -test.timeout 400s -test.run "^($tests)\$" 2>&1 | awk '
  /^=== (RUN|CONT|NAME)/ { name = $3 }
  /^ *[a-z_0-9]+_test\.go:[0-9]+: / && !(name in said) { line = $0; sub(/^ */, "", line); said[name] = substr(line, 1, 200) }
  /^panic: / { print "FAIL panic " substr($0, 8, 200) }
  /^ *--- PASS: / { print "PASS " $3 }
  /^ *--- FAIL: / { print "FAIL " $3 " " said[$3] }
  /^ *--- SKIP: / { print "SKIP " $3 " " said[$3] }'
