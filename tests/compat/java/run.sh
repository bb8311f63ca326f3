#!/bin/bash
# run.sh HOST:PORT [REGEX]: Kafka's own Java clients: producers, consumers, share consumers, Admin, Kafka Streams. Needs Java 17 and Maven.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
kafka=$here/../../kafka/kafka
classes=${KT_COMPAT_DIR:-$HOME/.cache/kt-compat}/java-classes
export KT_KAFKA_HOME=${KT_KAFKA_HOME:-$HOME/.cache/kt-kafka-4.3.1}
"$kafka" install
mkdir -p "$classes"
javac -nowarn -cp "$KT_KAFKA_HOME/libs/*" -d "$classes" "$here"/*.java >&2
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
java -Xmx1g -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "-Dlog4j2.configurationFile=file:$here/log4j2.properties" -cp "$KT_KAFKA_HOME/libs/*:$classes" Main "$@"
