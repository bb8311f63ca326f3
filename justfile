# The project's chores; `just --list` names them.

# The optimized binary, target/release/kt.
build:
    cargo build --release

# All tests; with Java and Maven the four corners of tests/golden run too.
test *ARGS:
    cargo test {{ARGS}}

# Formatting and clippy, warnings refused.
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings

# What CI runs.
ci:
    .ci/run

# Completions and man pages, from the tables that parse the command lines.
generate:
    cargo run -- generate .

# Records the scenarios that match with Kafka's own tools on real Kafka. Needs Java and Maven.
golden-record PICK='':
    KT_GOLDEN_RECORD=1 KT_GOLDEN='{{PICK}}' cargo test --test it golden::record -- --ignored --nocapture

# Runs the scenarios that match with kt on kt broker and compares with the records; CORNER: kt_on_kafka, kafka_tools_on_kt_broker.
golden-replay PICK='' CORNER='kt_on_kt_broker':
    KT_GOLDEN='{{PICK}}' cargo test --test it golden::{{CORNER}} -- --nocapture

# kt beside Apache Kafka, in ratios: a table, and target/bench.json. Needs Java and Maven for Kafka's side.
bench:
    cargo bench --bench ratios

# Many connections, topics, partitions and groups on one broker, at two sizes: a table, and target/bench-crowd.json.
bench-crowd:
    cargo bench --bench crowd

# The tools on three nodes of Apache Kafka with thousands of topics and groups: a table, and target/bench-control.json.
bench-control:
    cargo bench --bench control

# A broker on port 9092 with its data in a temporary folder.
broker *ARGS:
    cargo run --release -- broker --port 9092 {{ARGS}}

# A walk through every tool on the embedded broker.
tour:
    cargo run --release -- tour

# Another client's suite against a kt broker: NAME is a folder of tests/compat, or all. Needs the network.
compat NAME *ARGS:
    tests/compat/run {{NAME}} {{ARGS}}
