# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_kt_global_optspecs
    string join \n h/help V/version
end

function __fish_kt_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_kt_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_kt_using_subcommand
    set -l cmd (__fish_kt_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c kt -n "__fish_kt_needs_command" -s h -l help -d 'Print help'
complete -c kt -n "__fish_kt_needs_command" -s V -l version -d 'Print version'
complete -c kt -n "__fish_kt_needs_command" -f -a "broker" -d 'Runs a Kafka cluster in this process, for tests, CI and learning'
complete -c kt -n "__fish_kt_needs_command" -f -a "broker-ctl" -d 'Makes a kt broker on this machine compact or retain a topic at once'
complete -c kt -n "__fish_kt_needs_command" -f -a "dev" -d 'Runs a command with a broker beside it and returns the command\'s exit code'
complete -c kt -n "__fish_kt_needs_command" -f -a "ready" -d 'Tells by its exit code whether a cluster is there and works'
complete -c kt -n "__fish_kt_needs_command" -f -a "tour" -d 'Walks through every tool against a broker of its own'
complete -c kt -n "__fish_kt_needs_command" -f -a "context" -d 'Lists, chooses and shows named clusters'
complete -c kt -n "__fish_kt_needs_command" -f -a "install-links" -d 'Makes links named like Kafka\'s scripts, so that they run this binary'
complete -c kt -n "__fish_kt_needs_command" -f -a "generate" -d 'Writes the shell completions and man pages'
complete -c kt -n "__fish_kt_needs_command" -f -a "broker-api-versions" -d 'This tool helps to retrieve broker version information.'
complete -c kt -n "__fish_kt_needs_command" -f -a "api-versions" -d 'This tool helps to retrieve broker version information.'
complete -c kt -n "__fish_kt_needs_command" -f -a "configs" -d 'This tool helps to manipulate and describe entity config for a topic, client, user, broker, ip, client-metrics or group'
complete -c kt -n "__fish_kt_needs_command" -f -a "console-consumer" -d 'This tool helps to read data from Kafka topics and outputs it to standard output.'
complete -c kt -n "__fish_kt_needs_command" -f -a "console-producer" -d 'This tool helps to read data from standard input and publish it to Kafka.'
complete -c kt -n "__fish_kt_needs_command" -f -a "consumer-groups" -d 'This tool helps to list all consumer groups, describe a consumer group, delete consumer group info, or reset consumer group offsets.'
complete -c kt -n "__fish_kt_needs_command" -f -a "delete-records" -d 'This tool helps to delete records of the given partitions down to the specified offset.'
complete -c kt -n "__fish_kt_needs_command" -f -a "dump-log" -d 'This tool helps to parse a log file and dump its contents to the console, useful for debugging a seemingly corrupt log segment.'
complete -c kt -n "__fish_kt_needs_command" -f -a "get-offsets" -d 'An interactive shell for getting topic-partition offsets.'
complete -c kt -n "__fish_kt_needs_command" -f -a "groups" -d 'This tool helps to list groups of all types.'
complete -c kt -n "__fish_kt_needs_command" -f -a "log-dirs" -d 'This tool helps to query log directory usage on the specified brokers.'
complete -c kt -n "__fish_kt_needs_command" -f -a "consumer-perf-test" -d 'This tool is used to verify the consumer performance.'
complete -c kt -n "__fish_kt_needs_command" -f -a "e2e-latency" -d 'This tool measures end-to-end latency in Kafka by sending messages and timing their reception.'
complete -c kt -n "__fish_kt_needs_command" -f -a "producer-perf-test" -d 'This tool is used to verify the producer performance.'
complete -c kt -n "__fish_kt_needs_command" -f -a "reassign-partitions" -d 'This tool helps to move topic partitions between replicas.'
complete -c kt -n "__fish_kt_needs_command" -f -a "server-start" -d 'Starts the embedded broker from a server.properties.'
complete -c kt -n "__fish_kt_needs_command" -f -a "share-consumer-perf-test" -d 'This tool is used to verify the share consumer performance.'
complete -c kt -n "__fish_kt_needs_command" -f -a "perf-test" -d 'Measures how fast a cluster takes and gives records'
complete -c kt -n "__fish_kt_needs_command" -f -a "topics" -d 'This tool helps to create, delete, describe, or change a topic.'
complete -c kt -n "__fish_kt_needs_command" -f -a "verifiable-consumer" -d 'This tool consumes messages from a specific topic and emits consumer events (e.g. group rebalances, received messages, and offsets committed) as JSON objects to STDOUT.'
complete -c kt -n "__fish_kt_needs_command" -f -a "verifiable-producer" -d 'This tool produces increasing integers to the specified topic and prints JSON metadata to stdout on each "send" request, making externally visible which messages have been acked and which have not.'
complete -c kt -n "__fish_kt_using_subcommand broker" -l port -d 'The port to listen on; 0 takes any free one. Given twice, the last one counts' -r
complete -c kt -n "__fish_kt_using_subcommand broker" -l host -d 'The address to listen on, which clients are also told' -r
complete -c kt -n "__fish_kt_using_subcommand broker" -l config -d 'Read this server.properties; its listeners count unless a port, a host, --tls or --sasl is given' -r -F
complete -c kt -n "__fish_kt_using_subcommand broker" -l override -d 'Set a key of server.properties' -r
complete -c kt -n "__fish_kt_using_subcommand broker" -l data-dir -d 'Keep the data here; without it, it goes to a temporary folder that is removed at the end' -r -F
complete -c kt -n "__fish_kt_using_subcommand broker" -l as-version -d 'Pass for a broker of this release of Kafka (2.3 to 4.3): no later versions of its APIs are told or answered' -r
complete -c kt -n "__fish_kt_using_subcommand broker" -l topic -d 'Create a topic' -r
complete -c kt -n "__fish_kt_using_subcommand broker" -l sasl -d 'Have clients log in; MECHANISM is plain, scram-sha-256 or scram-sha-512. Repeatable' -r
complete -c kt -n "__fish_kt_using_subcommand broker" -l client-config -d 'Once ready, write a properties file with which every tool and Java client finds this broker' -r -F
complete -c kt -n "__fish_kt_using_subcommand broker" -l tls -d 'Listen with TLS: makes an authority and certificates, as PEM and PKCS12 (password `changeit`), in the data folder or a temporary one, and says where. Clients may present the certificate `tls-client`, as `User:CN=client`'
complete -c kt -n "__fish_kt_using_subcommand broker" -l acls -d 'Refuse what no ACL allows. The first user of --sasl may do everything; without --sasl, whoever has no certificate'
complete -c kt -n "__fish_kt_using_subcommand broker" -s h -l help -d 'Print help'
complete -c kt -n "__fish_kt_using_subcommand broker-ctl; and not __fish_seen_subcommand_from compact retain" -s h -l help -d 'Print help'
complete -c kt -n "__fish_kt_using_subcommand broker-ctl; and not __fish_seen_subcommand_from compact retain" -f -a "compact" -d 'Ends the active segments of a compacted topic and compacts them now, however little there is to clean'
complete -c kt -n "__fish_kt_using_subcommand broker-ctl; and not __fish_seen_subcommand_from compact retain" -f -a "retain" -d 'Applies the retention of a topic now'
complete -c kt -n "__fish_kt_using_subcommand broker-ctl; and __fish_seen_subcommand_from compact" -l bootstrap-server -d 'The broker, HOST:PORT' -r
complete -c kt -n "__fish_kt_using_subcommand broker-ctl; and __fish_seen_subcommand_from compact" -l command-config -d 'A file of client properties' -r -F
complete -c kt -n "__fish_kt_using_subcommand broker-ctl; and __fish_seen_subcommand_from compact" -l context -d 'The context to connect with' -r
complete -c kt -n "__fish_kt_using_subcommand broker-ctl; and __fish_seen_subcommand_from compact" -s h -l help -d 'Print help'
complete -c kt -n "__fish_kt_using_subcommand broker-ctl; and __fish_seen_subcommand_from retain" -l bootstrap-server -d 'The broker, HOST:PORT' -r
complete -c kt -n "__fish_kt_using_subcommand broker-ctl; and __fish_seen_subcommand_from retain" -l command-config -d 'A file of client properties' -r -F
complete -c kt -n "__fish_kt_using_subcommand broker-ctl; and __fish_seen_subcommand_from retain" -l context -d 'The context to connect with' -r
complete -c kt -n "__fish_kt_using_subcommand broker-ctl; and __fish_seen_subcommand_from retain" -s h -l help -d 'Print help'
complete -c kt -n "__fish_kt_using_subcommand dev" -l config -d 'Read this server.properties; its listeners count unless a port, a host, --tls or --sasl is given' -r -F
complete -c kt -n "__fish_kt_using_subcommand dev" -l override -d 'Set a key of server.properties' -r
complete -c kt -n "__fish_kt_using_subcommand dev" -l data-dir -d 'Keep the data here; without it, it goes to a temporary folder that is removed at the end' -r -F
complete -c kt -n "__fish_kt_using_subcommand dev" -l as-version -d 'Pass for a broker of this release of Kafka (2.3 to 4.3): no later versions of its APIs are told or answered' -r
complete -c kt -n "__fish_kt_using_subcommand dev" -l topic -d 'Create a topic' -r
complete -c kt -n "__fish_kt_using_subcommand dev" -s h -l help -d 'Print help'
complete -c kt -n "__fish_kt_using_subcommand ready" -l bootstrap-server -d 'The brokers to begin with, HOST:PORT, separated by commas' -r
complete -c kt -n "__fish_kt_using_subcommand ready" -l command-config -d 'A file of client properties' -r -F
complete -c kt -n "__fish_kt_using_subcommand ready" -l context -d 'The context to connect with' -r
complete -c kt -n "__fish_kt_using_subcommand ready" -l timeout -d 'How long to wait for the cluster: 30s, 2m' -r
complete -c kt -n "__fish_kt_using_subcommand ready" -l brokers -d 'Wait for at least so many brokers' -r
complete -c kt -n "__fish_kt_using_subcommand ready" -l round-trip -d 'Also send a record to a topic of its own, read it back, and delete the topic'
complete -c kt -n "__fish_kt_using_subcommand ready" -s h -l help -d 'Print help'
complete -c kt -n "__fish_kt_using_subcommand tour" -s h -l help -d 'Print help'
complete -c kt -n "__fish_kt_using_subcommand context; and not __fish_seen_subcommand_from list use show" -s h -l help -d 'Print help'
complete -c kt -n "__fish_kt_using_subcommand context; and not __fish_seen_subcommand_from list use show" -f -a "list" -d 'Lists the contexts; the current one is marked'
complete -c kt -n "__fish_kt_using_subcommand context; and not __fish_seen_subcommand_from list use show" -f -a "use" -d 'Makes a context the current one'
complete -c kt -n "__fish_kt_using_subcommand context; and not __fish_seen_subcommand_from list use show" -f -a "show" -d 'Shows a context, the current one when none is named'
complete -c kt -n "__fish_kt_using_subcommand context; and __fish_seen_subcommand_from list" -s o -l output -d 'How to print them: table, json, jsonl or csv' -r
complete -c kt -n "__fish_kt_using_subcommand context; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c kt -n "__fish_kt_using_subcommand context; and __fish_seen_subcommand_from use" -s h -l help -d 'Print help'
complete -c kt -n "__fish_kt_using_subcommand context; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c kt -n "__fish_kt_using_subcommand install-links" -l force -d 'Replace files that are there already'
complete -c kt -n "__fish_kt_using_subcommand install-links" -s h -l help -d 'Print help'
complete -c kt -n "__fish_kt_using_subcommand generate" -s h -l help -d 'Print help'
complete -c kt -n "__fish_kt_using_subcommand broker-api-versions" -l bootstrap-server -d 'REQUIRED: the Kafka servers to connect to, host:port, comma-separated.' -r
complete -c kt -n "__fish_kt_using_subcommand broker-api-versions" -l command-config -d 'A properties file for the client.' -r
complete -c kt -n "__fish_kt_using_subcommand broker-api-versions" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand broker-api-versions" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand broker-api-versions" -l help -d 'Show this help.'
complete -c kt -n "__fish_kt_using_subcommand broker-api-versions" -l version -d 'Show Kafka\'s version.'
complete -c kt -n "__fish_kt_using_subcommand broker-api-versions" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand api-versions" -l bootstrap-server -d 'REQUIRED: the Kafka servers to connect to, host:port, comma-separated.' -r
complete -c kt -n "__fish_kt_using_subcommand api-versions" -l command-config -d 'A properties file for the client.' -r
complete -c kt -n "__fish_kt_using_subcommand api-versions" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand api-versions" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand api-versions" -l help -d 'Show this help.'
complete -c kt -n "__fish_kt_using_subcommand api-versions" -l version -d 'Show Kafka\'s version.'
complete -c kt -n "__fish_kt_using_subcommand api-versions" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand configs" -l add-config -d 'Configurations to set: k1=v1,k2=[v1,v2],k3=v3; brackets keep commas together. Names: topics: cleanup.policy, compression.gzip.level, compression.lz4.level, compression.type, compression.zstd.level, delete.retention.ms, file.delete.delay.ms, flush.messages, flush.ms, follower.replication.throttled.replicas, index.interval.bytes, leader.replication.throttled.replicas, local.retention.bytes, local.retention.ms, max.compaction.lag.ms, max.message.bytes, message.timestamp.after.max.ms, message.timestamp.before.max.ms, message.timestamp.type, min.cleanable.dirty.ratio, min.compaction.lag.ms, min.insync.replicas, preallocate, remote.log.copy.disable, remote.log.delete.on.disable, remote.storage.enable, retention.bytes, retention.ms, segment.bytes, segment.index.bytes, segment.jitter.ms, segment.ms, unclean.leader.election.enable brokers: background.threads, compression.gzip.level, compression.lz4.level, compression.type, compression.zstd.level, config.providers, cordoned.log.dirs, follower.fetch.last.tiered.offset.enable, follower.replication.throttled.rate, group.consumer.assignment.interval.ms, group.coordinator.cached.buffer.max.bytes, group.share.assignment.interval.ms, group.streams.assignment.interval.ms, leader.replication.throttled.rate, listener.security.protocol.map, listeners, log.cleaner.backoff.ms, log.cleaner.dedupe.buffer.size, log.cleaner.delete.retention.ms, log.cleaner.io.buffer.load.factor, log.cleaner.io.buffer.size, log.cleaner.io.max.bytes.per.second, log.cleaner.max.compaction.lag.ms, log.cleaner.min.cleanable.ratio, log.cleaner.min.compaction.lag.ms, log.cleaner.threads, log.cleanup.policy, log.flush.interval.messages, log.flush.interval.ms, log.index.interval.bytes, log.index.size.max.bytes, log.local.retention.bytes, log.local.retention.ms, log.message.timestamp.after.max.ms, log.message.timestamp.before.max.ms, log.message.timestamp.type, log.preallocate, log.retention.bytes, log.retention.ms, log.roll.jitter.ms, log.roll.ms, log.segment.bytes, log.segment.delete.delay.ms, max.connection.creation.rate, max.connections, max.connections.per.ip, max.connections.per.ip.overrides, message.max.bytes, metric.reporters, min.insync.replicas, num.io.threads, num.network.threads, num.recovery.threads.per.data.dir, num.replica.fetchers, principal.builder.class, producer.id.expiration.ms, remote.fetch.max.wait.ms, remote.list.offsets.request.timeout.ms, remote.log.index.file.cache.total.size.bytes, remote.log.manager.copier.thread.pool.size, remote.log.manager.copy.max.bytes.per.second, remote.log.manager.expiration.thread.pool.size, remote.log.manager.fetch.max.bytes.per.second, remote.log.manager.follower.thread.pool.size, remote.log.reader.threads, replica.alter.log.dirs.io.max.bytes.per.second, sasl.enabled.mechanisms, sasl.jaas.config, sasl.kerberos.kinit.cmd, sasl.kerberos.min.time.before.relogin, sasl.kerberos.principal.to.local.rules, sasl.kerberos.service.name, sasl.kerberos.ticket.renew.jitter, sasl.kerberos.ticket.renew.window.factor, sasl.login.refresh.buffer.seconds, sasl.login.refresh.min.period.seconds, sasl.login.refresh.window.factor, sasl.login.refresh.window.jitter, sasl.mechanism.inter.broker.protocol, share.coordinator.cached.buffer.max.bytes, ssl.cipher.suites, ssl.client.auth, ssl.enabled.protocols, ssl.endpoint.identification.algorithm, ssl.engine.factory.class, ssl.key.password, ssl.keymanager.algorithm, ssl.keystore.certificate.chain, ssl.keystore.key, ssl.keystore.location, ssl.keystore.password, ssl.keystore.type, ssl.protocol, ssl.provider, ssl.secure.random.implementation, ssl.trustmanager.algorithm, ssl.truststore.certificates, ssl.truststore.location, ssl.truststore.password, ssl.truststore.type, transaction.partition.verification.enable, unclean.leader.election.enable users: SCRAM-SHA-256, SCRAM-SHA-512, consumer_byte_rate, controller_mutation_rate, producer_byte_rate, request_percentage clients: consumer_byte_rate, controller_mutation_rate, producer_byte_rate, request_percentage ips: connection_creation_rate client-metrics: interval.ms, match, metrics groups: consumer.assignment.interval.ms, consumer.heartbeat.interval.ms, consumer.session.timeout.ms, share.assignment.interval.ms, share.auto.offset.reset, share.delivery.count.limit, share.heartbeat.interval.ms, share.isolation.level, share.partition.max.record.locks, share.record.lock.duration.ms, share.renew.acknowledge.enable, share.session.timeout.ms, streams.assignment.interval.ms, streams.heartbeat.interval.ms, streams.initial.rebalance.delay.ms, streams.num.standby.replicas, streams.session.timeout.ms' -r
complete -c kt -n "__fish_kt_using_subcommand configs" -l add-config-file -d 'A properties file with configurations to set, in place of --add-config.' -r
complete -c kt -n "__fish_kt_using_subcommand configs" -l bootstrap-controller -d 'The Kafka controllers to connect to, host:port, comma-separated.' -r
complete -c kt -n "__fish_kt_using_subcommand configs" -l bootstrap-server -d 'The Kafka servers to connect to, host:port, comma-separated.' -r
complete -c kt -n "__fish_kt_using_subcommand configs" -l broker -d 'A broker, by its id.' -r
complete -c kt -n "__fish_kt_using_subcommand configs" -l broker-logger -d 'The log levels of a broker, by its id.' -r
complete -c kt -n "__fish_kt_using_subcommand configs" -l client -d 'A client, by its client id.' -r
complete -c kt -n "__fish_kt_using_subcommand configs" -l client-metrics -d 'A client metrics resource.' -r
complete -c kt -n "__fish_kt_using_subcommand configs" -l command-config -d 'A properties file for the Admin client.' -r
complete -c kt -n "__fish_kt_using_subcommand configs" -l delete-config -d 'Names of configurations to remove: k1,k2.' -r
complete -c kt -n "__fish_kt_using_subcommand configs" -l entity-name -d 'Whose configurations: topic, client id, user, broker id, address, client metrics resource or group.' -r
complete -c kt -n "__fish_kt_using_subcommand configs" -l entity-type -d 'topics, clients, users, brokers, broker-loggers, ips, client-metrics or groups; users and clients go together.' -r
complete -c kt -n "__fish_kt_using_subcommand configs" -l group -d 'A group.' -r
complete -c kt -n "__fish_kt_using_subcommand configs" -l ip -d 'An address.' -r
complete -c kt -n "__fish_kt_using_subcommand configs" -l topic -d 'A topic.' -r
complete -c kt -n "__fish_kt_using_subcommand configs" -l user -d 'A user, by the name of its principal.' -r
complete -c kt -n "__fish_kt_using_subcommand configs" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand configs" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand configs" -l all -d 'With --describe: also what is set by files and what Kafka defaults to.'
complete -c kt -n "__fish_kt_using_subcommand configs" -l alter -d 'Change configurations.'
complete -c kt -n "__fish_kt_using_subcommand configs" -l broker-defaults -d 'The defaults of all brokers.'
complete -c kt -n "__fish_kt_using_subcommand configs" -l client-defaults -d 'The defaults of all clients.'
complete -c kt -n "__fish_kt_using_subcommand configs" -l describe -d 'Show configurations.'
complete -c kt -n "__fish_kt_using_subcommand configs" -l entity-default -d 'The default of clients, users, brokers or ips, in place of --entity-name.'
complete -c kt -n "__fish_kt_using_subcommand configs" -l help -d 'Show this help.'
complete -c kt -n "__fish_kt_using_subcommand configs" -l ip-defaults -d 'The defaults of all addresses.'
complete -c kt -n "__fish_kt_using_subcommand configs" -l user-defaults -d 'The defaults of all users.'
complete -c kt -n "__fish_kt_using_subcommand configs" -l version -d 'Show Kafka\'s version.'
complete -c kt -n "__fish_kt_using_subcommand configs" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l bootstrap-server -d 'The brokers to begin with, HOST:PORT, separated by commas.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l command-config -d 'A file of consumer properties; --command-property is stronger.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l command-property -d 'A consumer property, key=value. May be repeated.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l consumer-property -d 'The same as --command-property, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l consumer.config -d 'The same as --command-config, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l formatter -d 'The class that prints records.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l formatter-config -d 'A file of formatter properties; --formatter-property is stronger.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l formatter-property -d 'How records are printed, key=value: print.timestamp, print.key, print.offset, print.epoch, print.partition, print.headers, print.value (true or false), key.separator, line.separator, headers.separator, null.literal, key.deserializer, value.deserializer, headers.deserializer. May be repeated.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l group -d 'The consumer group to be a member of.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l include -d 'A regular expression of topics to read.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l isolation-level -d 'read_committed leaves out what transactions did not commit.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l key-deserializer -d 'The class that reads keys.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l max-messages -d 'End after so many records.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l offset -d 'Where in the partition to start: a number, earliest or latest.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l partition -d 'The one partition to read, from its end unless --offset says otherwise.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l property -d 'The same as --formatter-property, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l timeout-ms -d 'End when no record came for so long, in ms.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l topic -d 'The topic to read.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l value-deserializer -d 'The class that reads values.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l from-time -d 'Start at this time: ISO-8601, \'2h ago\', or ms since 1970.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l until-time -d 'End at this time (exclusive), or where the partitions ended when the command started.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l filter -d 'Only records whose key, value or header.NAME is (=), is not (!=), matches (~) or does not match (!~) the text: \'key=a\', \'value~^err\', \'header.trace!=x\'. May be repeated; all must hold.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l enable-systest-events -d 'Print the consumer\'s life-cycle events too.'
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l from-beginning -d 'Without a committed offset start at the earliest record, not after the latest.'
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l help -d 'Print this help.'
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l skip-message-on-error -d 'Go on after a record that cannot be printed.'
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l version -d 'Print Kafka\'s version.'
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l stop-at-end -d 'End where the partitions ended when the command started.'
complete -c kt -n "__fish_kt_using_subcommand console-consumer" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l batch-size -d 'Bytes of records that go into one batch of a partition (batch.size).' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l bootstrap-server -d 'The brokers to begin with, HOST:PORT, separated by commas.' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l command-config -d 'A file of producer properties; --command-property is stronger.' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l command-property -d 'A producer property, key=value. May be repeated.' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l compression-codec -d 'none, gzip, snappy, lz4 or zstd; gzip when no name follows.' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l line-reader -d 'The class that turns input into records.' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l max-block-ms -d 'How long a send waits for the topic\'s metadata, in ms.' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l max-memory-bytes -d 'Bytes of records that may wait to be sent (buffer.memory).' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l max-partition-memory-bytes -d 'The same as --batch-size, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l message-send-max-retries -d 'How often a failed send is tried again (retries).' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l metadata-expiry-ms -d 'The age in ms at which metadata are read again (metadata.max.age.ms).' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l producer-property -d 'The same as --command-property, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l producer.config -d 'The same as --command-config, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l property -d 'The same as --reader-property, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l reader-config -d 'A file of reader properties; --reader-property is stronger.' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l reader-property -d 'How a line is read, key=value: parse.key, parse.headers, ignore.error (true or false), key.separator, headers.delimiter, headers.separator, headers.key.separator, null.marker. May be repeated. With parse.headers and parse.key a line is h1:v1,h2:v2<TAB>key<TAB>value.' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l request-required-acks -d 'How many replicas acknowledge (acks).' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l request-timeout-ms -d 'How long a request may take, in ms.' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l retry-backoff-ms -d 'How long to wait before a send is tried again, in ms.' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l socket-buffer-size -d 'Bytes of the socket\'s send buffer (send.buffer.bytes).' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l timeout -d 'How long a record waits for others to share its batch, in ms (linger.ms).' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l topic -d 'The topic that the records go to.' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l file -d 'Read this file in place of standard input, with a progress bar on a terminal.' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l input-format -d 'lines, or jsonl: records as \'kt console-consumer -o jsonl\' prints them.' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l help -d 'Print this help.'
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l sync -d 'Wait for each record\'s acknowledgement before the next is sent.'
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l version -d 'Print Kafka\'s version.'
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l ignore-partitions -d 'With jsonl: let keys choose partitions, whatever the input says.'
complete -c kt -n "__fish_kt_using_subcommand console-producer" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l bootstrap-server -d 'The brokers to connect to. REQUIRED, except with --validate-regex.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l by-duration -d 'Reset to the first offset whose record is not older than this. Format: \'PnDTnHnMnS\'' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l command-config -d 'A properties file with settings of the client.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l from-file -d 'Reset to the offsets that a CSV file lists.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l group -d 'The group to act on.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l shift-by -d 'Reset to this many offsets after (or, if negative, before) the committed ones.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l state -d 'With --describe: the state of the group. With --list: show states, or only groups in these: stable,empty' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l timeout -d 'How long a call may take, for example while a group settles.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l to-datetime -d 'Reset to the first offset at or after a time. Format: \'YYYY-MM-DDThh:mm:ss.sss\'' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l to-offset -d 'Reset to this offset.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l topic -d 'The topic whose offsets are deleted or reset; partitions can be named like `topic1:0,1,2`. May be repeated.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l type -d 'With --list: show types, or only groups of these: classic,consumer' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l validate-regex -d 'Check that a regular expression is valid RE2.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l wait-inactive -d 'Wait until the groups have no active members, for at most this long (\'5m\', default 60s), then go on.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l undo-file -d 'With --reset-offsets --execute: save the old offsets to a new file that --from-file can restore.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l all-groups -d 'Act on every consumer group.'
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l all-topics -d 'Reset the offsets of every topic that the group has committed offsets of.'
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l delete -d 'Delete whole groups with their offsets; --group may be repeated.'
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l delete-offsets -d 'Delete the offsets that a group has committed, of the topics given.'
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l describe -d 'Describe groups: offsets and lag, members, or state.'
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l dry-run -d 'Show what --reset-offsets would do, and do nothing.'
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l execute -d 'Carry out --reset-offsets.'
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l export -d 'Print the new offsets of --reset-offsets as CSV.'
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l help -d 'Print this help.'
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l list -d 'List all consumer groups.'
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l members -d 'With --describe: the members of the group.'
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l offsets -d 'With --describe: committed offsets and lag of each partition. This is the default.'
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l reset-offsets -d 'Reset the committed offsets of inactive groups. Needs --all-topics, --topic or --from-file, and one of --to-datetime, --by-duration, --to-earliest, --to-latest, --shift-by, --from-file, --to-current, --to-offset. --dry-run (the default) shows the new offsets, --execute commits them, --export prints them as CSV.'
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l to-current -d 'Reset to the committed offsets.'
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l to-earliest -d 'Reset to the earliest offsets.'
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l to-latest -d 'Reset to the end of each partition.'
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l verbose -d 'With --describe: more columns.'
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l version -d 'Print Kafka\'s version.'
complete -c kt -n "__fish_kt_using_subcommand consumer-groups" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand delete-records" -l bootstrap-server -d 'REQUIRED: The brokers to connect to.' -r
complete -c kt -n "__fish_kt_using_subcommand delete-records" -l command-config -d 'A properties file with settings of the client.' -r
complete -c kt -n "__fish_kt_using_subcommand delete-records" -l offset-json-file -d 'REQUIRED: The JSON file with an offset per partition, before which all is deleted (-1: everything). The format is: {"partitions":   [{"topic": "foo", "partition": 1, "offset": 1}],  "version":1 }' -r
complete -c kt -n "__fish_kt_using_subcommand delete-records" -l topic -d 'In place of the JSON file: the topic to delete records of.' -r
complete -c kt -n "__fish_kt_using_subcommand delete-records" -l partition -d 'With --topic: its partitions; all without it.' -r
complete -c kt -n "__fish_kt_using_subcommand delete-records" -l before-offset -d 'With --topic: delete the records before this offset (-1: all).' -r
complete -c kt -n "__fish_kt_using_subcommand delete-records" -l before-time -d 'With --topic: delete up to the first record that is not older than this: 2026-11-21T09:00:00Z, \'2h ago\', or milliseconds since 1970.' -r
complete -c kt -n "__fish_kt_using_subcommand delete-records" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand delete-records" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand delete-records" -l help -d 'Print this help.'
complete -c kt -n "__fish_kt_using_subcommand delete-records" -l version -d 'Print Kafka\'s version.'
complete -c kt -n "__fish_kt_using_subcommand delete-records" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l files -d 'REQUIRED: The comma separated list of data and index log files to be dumped.' -r
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l max-message-size -d 'Size of largest message.' -r
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l max-bytes -d 'Limit the amount of total batches read in bytes avoiding reading the whole .log file(s).' -r
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l value-decoder-class -d 'If set, used to deserialize the messages. This class should implement org.apache.kafka.tools.api.Decoder trait. Custom jar should be available in kafka/libs directory.' -r
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l key-decoder-class -d 'If set, used to deserialize the keys. This class should implement org.apache.kafka.tools.api.Decoder trait. Custom jar should be available in kafka/libs directory.' -r
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l from-offset -d 'Leave out records below this offset.' -r
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l to-offset -d 'Leave out records at and above this offset.' -r
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l from-time -d 'Leave out records before this time: ISO-8601, \'2h ago\', or ms since 1970.' -r
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l to-time -d 'Leave out records at and after this time. Looks at each record, as --deep-iteration does.' -r
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l filter -d 'Only records whose key, value or header.NAME is (=), is not (!=), matches (~) or does not match (!~) the text: \'key=a\', \'value~^err\', \'header.trace!=x\'. May be repeated; all must hold. Looks at each record, as --deep-iteration does.' -r
complete -c kt -n "__fish_kt_using_subcommand dump-log" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l print-data-log -d 'If set, printing the messages content when dumping data logs. Automatically set if any decoder option is specified.'
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l verify-index-only -d 'If set, just verify the index log without printing its content.'
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l index-sanity-check -d 'If set, just checks the index sanity without printing its content. This is the same check that is executed on broker startup to determine if an index needs rebuilding or not.'
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l deep-iteration -d 'If set, uses deep instead of shallow iteration. Automatically set if print-data-log is enabled.'
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l offsets-decoder -d 'If set, log data will be parsed as offset data from the __consumer_offsets topic.'
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l transaction-log-decoder -d 'If set, log data will be parsed as transaction metadata from the __transaction_state topic.'
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l cluster-metadata-decoder -d 'If set, log data will be parsed as cluster metadata records.'
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l remote-log-metadata-decoder -d 'If set, log data will be parsed as TopicBasedRemoteLogMetadataManager (RLMM) metadata records. Instead, the value-decoder-class option can be used if a custom RLMM implementation is configured.'
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l share-group-state-decoder -d 'If set, log data will be parsed as share group state data from the __share_group_state topic.'
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l skip-record-metadata -d 'Skip metadata when printing records. This flag also skips control records.'
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l help -d 'Print usage information.'
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l version -d 'Display Kafka version.'
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l verify -d 'Check the files in place of printing them: the checksum of every batch, the order of offsets, indexes against the log. A row a file; fails on damage.'
complete -c kt -n "__fish_kt_using_subcommand dump-log" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand get-offsets" -l bootstrap-server -d 'REQUIRED. The brokers to connect to: HOST1:PORT1,HOST2:PORT2.' -r
complete -c kt -n "__fish_kt_using_subcommand get-offsets" -l command-config -d 'A properties file with settings of the client.' -r
complete -c kt -n "__fish_kt_using_subcommand get-offsets" -l partitions -d 'Only these partitions, separated by commas. Not with --topic-partitions.' -r
complete -c kt -n "__fish_kt_using_subcommand get-offsets" -l time -d 'Which offset: an end of the log, or the first one at or after a time in milliseconds since 1970 (none if there is no such record).' -r
complete -c kt -n "__fish_kt_using_subcommand get-offsets" -l topic -d 'The topics, by a regular expression that matches the whole name; all without it. Not with --topic-partitions.' -r
complete -c kt -n "__fish_kt_using_subcommand get-offsets" -l topic-partitions -d 'Patterns separated by commas, each TOPIC, TOPIC:PARTITIONS or :PARTITIONS. The topic is a regular expression; partitions are a number, FROM-TO (without TO), FROM- or -TO.' -r
complete -c kt -n "__fish_kt_using_subcommand get-offsets" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand get-offsets" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand get-offsets" -l exclude-internal-topics -d 'Leave internal topics out.'
complete -c kt -n "__fish_kt_using_subcommand get-offsets" -l help -d 'Print this help.'
complete -c kt -n "__fish_kt_using_subcommand get-offsets" -l version -d 'Print Kafka\'s version.'
complete -c kt -n "__fish_kt_using_subcommand get-offsets" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand groups" -l bootstrap-server -d 'REQUIRED: The brokers to connect to.' -r
complete -c kt -n "__fish_kt_using_subcommand groups" -l command-config -d 'A properties file with settings of the client.' -r
complete -c kt -n "__fish_kt_using_subcommand groups" -l group-type -d 'Only groups of this type: \'classic\', \'consumer\', \'share\' or \'streams\'.' -r
complete -c kt -n "__fish_kt_using_subcommand groups" -l protocol -d 'Only groups of this protocol type.' -r
complete -c kt -n "__fish_kt_using_subcommand groups" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand groups" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand groups" -l consumer -d 'Only consumer groups of every kind: those of type \'consumer\', and classic ones whose protocol is \'consumer\' or that have none.'
complete -c kt -n "__fish_kt_using_subcommand groups" -l help -d 'Print this help.'
complete -c kt -n "__fish_kt_using_subcommand groups" -l list -d 'List the groups.'
complete -c kt -n "__fish_kt_using_subcommand groups" -l share -d 'Only share groups.'
complete -c kt -n "__fish_kt_using_subcommand groups" -l streams -d 'Only streams groups.'
complete -c kt -n "__fish_kt_using_subcommand groups" -l version -d 'Print Kafka\'s version.'
complete -c kt -n "__fish_kt_using_subcommand groups" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand log-dirs" -l bootstrap-server -d 'REQUIRED: the Kafka servers to connect to, host:port, comma-separated.' -r
complete -c kt -n "__fish_kt_using_subcommand log-dirs" -l broker-list -d 'Ids of the brokers to ask, 0,1,2; all of them if none are given.' -r
complete -c kt -n "__fish_kt_using_subcommand log-dirs" -l command-config -d 'A properties file for the Admin client.' -r
complete -c kt -n "__fish_kt_using_subcommand log-dirs" -l topic-list -d 'Topics to show, topic1,topic2; all of them if none are given.' -r
complete -c kt -n "__fish_kt_using_subcommand log-dirs" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand log-dirs" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand log-dirs" -l describe -d 'Show the folders and what is in them.'
complete -c kt -n "__fish_kt_using_subcommand log-dirs" -l help -d 'Show this help.'
complete -c kt -n "__fish_kt_using_subcommand log-dirs" -l version -d 'Show Kafka\'s version.'
complete -c kt -n "__fish_kt_using_subcommand log-dirs" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l bootstrap-server -d 'The brokers to begin with, HOST:PORT, separated by commas.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l command-config -d 'A file of consumer properties; --command-property is stronger.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l command-property -d 'A consumer property, key=value. May be repeated.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l consumer.config -d 'The same as --command-config, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l date-format -d 'How times are printed (Java\'s SimpleDateFormat).' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l fetch-size -d 'At most so many bytes of a partition in one fetch.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l clients -d 'So many consumers of the group at once; their figures are summed.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l duration -d 'Read for so long (30s, 5m), in place of --num-records or up to it.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l group -d 'The consumer group (perf-consumer-N by default).' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l include -d 'A regular expression of topics to read.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l messages -d 'The same as --num-records, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l num-records -d 'How many records to read.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l report -d 'Write a page of HTML with charts of the throughput over time and of the latencies.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l reporting-interval -d 'With --show-detailed-stats: a line each so many ms.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l socket-buffer-size -d 'Bytes of the socket\'s receive buffer.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l timeout -d 'End when no record came for so long, in ms.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l topic -d 'The topic to read.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l from-latest -d 'Without a committed offset start after the latest record, not at the earliest.'
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l help -d 'Print this help.'
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l hide-header -d 'Leave out the line of column names.'
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l print-metrics -d 'Print the consumer\'s metrics at the end.'
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l show-detailed-stats -d 'A line for each interval, in place of one at the end.'
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l version -d 'Print Kafka\'s version.'
complete -c kt -n "__fish_kt_using_subcommand consumer-perf-test" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand e2e-latency" -l bootstrap-server -d 'The brokers to begin with, HOST:PORT, separated by commas.' -r
complete -c kt -n "__fish_kt_using_subcommand e2e-latency" -l command-config -d 'A file of properties for producer, consumer and admin.' -r
complete -c kt -n "__fish_kt_using_subcommand e2e-latency" -l num-headers -d 'How many headers each record has.' -r
complete -c kt -n "__fish_kt_using_subcommand e2e-latency" -l num-records -d 'How many records to send, one after the other.' -r
complete -c kt -n "__fish_kt_using_subcommand e2e-latency" -l producer-acks -d 'Who acknowledges a record: 1 (the leader) or all.' -r
complete -c kt -n "__fish_kt_using_subcommand e2e-latency" -l record-header-key-size -d 'Bytes of each header\'s key.' -r
complete -c kt -n "__fish_kt_using_subcommand e2e-latency" -l record-header-size -d 'Bytes of each header\'s value; -1 is a null.' -r
complete -c kt -n "__fish_kt_using_subcommand e2e-latency" -l record-key-size -d 'Bytes of each record\'s key; 0 is no key.' -r
complete -c kt -n "__fish_kt_using_subcommand e2e-latency" -l record-size -d 'Bytes of each record\'s value.' -r
complete -c kt -n "__fish_kt_using_subcommand e2e-latency" -l topic -d 'The topic to write to and to read from; made if there is none.' -r
complete -c kt -n "__fish_kt_using_subcommand e2e-latency" -l report -d 'Write a page of HTML with charts of the throughput over time and of the latencies.' -r
complete -c kt -n "__fish_kt_using_subcommand e2e-latency" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand e2e-latency" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand e2e-latency" -l help -d 'Print this help.'
complete -c kt -n "__fish_kt_using_subcommand e2e-latency" -l version -d 'Print Kafka\'s version.'
complete -c kt -n "__fish_kt_using_subcommand e2e-latency" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l bootstrap-server -d 'The brokers to begin with; stronger than bootstrap.servers.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l topic -d 'The topic that records go to.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l num-records -d 'How many records to send.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l payload-delimiter -d 'What parts the payloads in --payload-file, a regular expression.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l throughput -d 'At most so many records a second, about; -1 for as many as can be.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l producer-props -d 'The same as --command-property, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l command-property -d 'Producer properties, one or several.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l producer.config -d 'The same as --command-config, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l command-config -d 'A file of producer properties.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l transactional-id -d 'Send in transactions under this id.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l transaction-duration-ms -d 'Commit a transaction after so long, in ms (3000 by default).' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l warmup-records -d 'The first records that the steady-state line leaves out.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l reporting-interval -d 'A line of progress each so many ms.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l record-size -d 'Random records of so many bytes.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l payload-file -d 'Records chosen at random from this file.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l clients -d 'So many producers at once; records and rate are shared among them.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l duration -d 'Send for so long (30s, 5m), in place of --num-records or up to it.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l key-distribution -d 'Keys of the records: none, or N of them, as often as each other or by Zipf\'s law.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l latency-from -d 'Latencies from the moment a record is sent, or, with --throughput, from the moment it was due.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l report -d 'Write a page of HTML with charts of the throughput over time and of the latencies.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l print-metrics -d 'Print the producer\'s metrics at the end.'
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l payload-monotonic -d 'Records that are numbers, counted up from 0.'
complete -c kt -n "__fish_kt_using_subcommand producer-perf-test" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l bootstrap-controller -d 'The controllers to begin with, for --list and --cancel.' -r
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l bootstrap-server -d 'The brokers to begin with, HOST:PORT, separated by commas.' -r
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l broker-list -d 'With --generate: the ids of the brokers to move to, separated by commas.' -r
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l command-config -d 'A file of client properties.' -r
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l reassignment-json-file -d 'The plan: {"partitions": [{"topic": "foo", "partition": 1, "replicas": [1,2,3], "log_dirs": ["dir1","any","any"]}], "version": 1}. log_dirs may be left out.' -r
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l replica-alter-log-dirs-throttle -d 'Bytes a second between directories of one broker.' -r
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l throttle -d 'Bytes a second between brokers.' -r
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l timeout -d 'How long to wait for moves between directories to begin, in ms.' -r
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l topics-to-move-json-file -d 'The topics: {"topics": [{"topic": "foo"}], "version": 1}.' -r
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l additional -d 'With --execute: add to moves that are under way, or change their throttle.'
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l cancel -d 'Stop the moves of the partitions in --reassignment-json-file.'
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l disable-rack-aware -d 'With --generate: pay no heed to racks.'
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l disallow-replication-factor-change -d 'With --execute: refuse to change how many replicas a partition has.'
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l execute -d 'Start the moves in --reassignment-json-file.'
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l generate -d 'Propose a plan that moves the topics in --topics-to-move-json-file to the brokers in --broker-list.'
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l help -d 'Print this help.'
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l list -d 'List the moves under way.'
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l preserve-throttles -d 'Leave throttles as they are.'
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l verify -d 'Tell how far the moves are, and take throttles off when all are done.'
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l version -d 'Print Kafka\'s version.'
complete -c kt -n "__fish_kt_using_subcommand reassign-partitions" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand server-start" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand server-start" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand server-start" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l bootstrap-server -d 'The brokers to begin with, HOST:PORT, separated by commas.' -r
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l command-config -d 'A file of share consumer properties; --command-property is stronger.' -r
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l command-property -d 'A share consumer property, key=value. May be repeated.' -r
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l consumer.config -d 'The same as --command-config, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l date-format -d 'How times are printed (Java\'s SimpleDateFormat).' -r
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l fetch-size -d 'At most so many bytes in one fetch.' -r
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l group -d 'The share group.' -r
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l messages -d 'The same as --num-records, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l num-records -d 'How many records to read.' -r
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l report -d 'Write a page of HTML with charts of the throughput over time and of the latencies.' -r
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l reporting-interval -d 'With --show-detailed-stats: a line each so many ms.' -r
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l socket-buffer-size -d 'Bytes of the socket\'s receive buffer (left to the system here).' -r
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l threads -d 'How many share consumers read at once.' -r
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l timeout -d 'End when no record came for so long, in ms.' -r
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l topic -d 'The topic to read.' -r
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l help -d 'Print this help.'
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l hide-header -d 'Leave out the line of column names.'
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l print-metrics -d 'Print metrics at the end.'
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l show-consumer-stats -d 'A line for each share consumer at the end.'
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l show-detailed-stats -d 'A line for each interval and share consumer.'
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l version -d 'Print Kafka\'s version.'
complete -c kt -n "__fish_kt_using_subcommand share-consumer-perf-test" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and not __fish_seen_subcommand_from compare consumer e2e-latency producer share-consumer" -s h -l help -d 'Print help'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and not __fish_seen_subcommand_from compare consumer e2e-latency producer share-consumer" -f -a "compare" -d 'Compare two results of `kt perf-test ... -o json`'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and not __fish_seen_subcommand_from compare consumer e2e-latency producer share-consumer" -f -a "consumer" -d 'This tool is used to verify the consumer performance.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and not __fish_seen_subcommand_from compare consumer e2e-latency producer share-consumer" -f -a "e2e-latency" -d 'This tool measures end-to-end latency in Kafka by sending messages and timing their reception.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and not __fish_seen_subcommand_from compare consumer e2e-latency producer share-consumer" -f -a "producer" -d 'This tool is used to verify the producer performance.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and not __fish_seen_subcommand_from compare consumer e2e-latency producer share-consumer" -f -a "share-consumer" -d 'This tool is used to verify the share consumer performance.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from compare" -l fail-above -d 'Fail when B is worse than A by more than this factor in any figure (1.1: ten percent)' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from compare" -s o -l output -d 'How to print the figures: table, json, jsonl or csv. Fields: figure, a, b, ratio, better' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from compare" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l bootstrap-server -d 'The brokers to begin with, HOST:PORT, separated by commas.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l command-config -d 'A file of consumer properties; --command-property is stronger.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l command-property -d 'A consumer property, key=value. May be repeated.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l consumer.config -d 'The same as --command-config, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l date-format -d 'How times are printed (Java\'s SimpleDateFormat).' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l fetch-size -d 'At most so many bytes of a partition in one fetch.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l clients -d 'So many consumers of the group at once; their figures are summed.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l duration -d 'Read for so long (30s, 5m), in place of --num-records or up to it.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l group -d 'The consumer group (perf-consumer-N by default).' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l include -d 'A regular expression of topics to read.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l messages -d 'The same as --num-records, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l num-records -d 'How many records to read.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l report -d 'Write a page of HTML with charts of the throughput over time and of the latencies.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l reporting-interval -d 'With --show-detailed-stats: a line each so many ms.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l socket-buffer-size -d 'Bytes of the socket\'s receive buffer.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l timeout -d 'End when no record came for so long, in ms.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l topic -d 'The topic to read.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l from-latest -d 'Without a committed offset start after the latest record, not at the earliest.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l help -d 'Print this help.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l hide-header -d 'Leave out the line of column names.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l print-metrics -d 'Print the consumer\'s metrics at the end.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l show-detailed-stats -d 'A line for each interval, in place of one at the end.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l version -d 'Print Kafka\'s version.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from consumer" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from e2e-latency" -l bootstrap-server -d 'The brokers to begin with, HOST:PORT, separated by commas.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from e2e-latency" -l command-config -d 'A file of properties for producer, consumer and admin.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from e2e-latency" -l num-headers -d 'How many headers each record has.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from e2e-latency" -l num-records -d 'How many records to send, one after the other.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from e2e-latency" -l producer-acks -d 'Who acknowledges a record: 1 (the leader) or all.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from e2e-latency" -l record-header-key-size -d 'Bytes of each header\'s key.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from e2e-latency" -l record-header-size -d 'Bytes of each header\'s value; -1 is a null.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from e2e-latency" -l record-key-size -d 'Bytes of each record\'s key; 0 is no key.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from e2e-latency" -l record-size -d 'Bytes of each record\'s value.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from e2e-latency" -l topic -d 'The topic to write to and to read from; made if there is none.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from e2e-latency" -l report -d 'Write a page of HTML with charts of the throughput over time and of the latencies.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from e2e-latency" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from e2e-latency" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from e2e-latency" -l help -d 'Print this help.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from e2e-latency" -l version -d 'Print Kafka\'s version.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from e2e-latency" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l bootstrap-server -d 'The brokers to begin with; stronger than bootstrap.servers.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l topic -d 'The topic that records go to.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l num-records -d 'How many records to send.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l payload-delimiter -d 'What parts the payloads in --payload-file, a regular expression.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l throughput -d 'At most so many records a second, about; -1 for as many as can be.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l producer-props -d 'The same as --command-property, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l command-property -d 'Producer properties, one or several.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l producer.config -d 'The same as --command-config, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l command-config -d 'A file of producer properties.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l transactional-id -d 'Send in transactions under this id.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l transaction-duration-ms -d 'Commit a transaction after so long, in ms (3000 by default).' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l warmup-records -d 'The first records that the steady-state line leaves out.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l reporting-interval -d 'A line of progress each so many ms.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l record-size -d 'Random records of so many bytes.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l payload-file -d 'Records chosen at random from this file.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l clients -d 'So many producers at once; records and rate are shared among them.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l duration -d 'Send for so long (30s, 5m), in place of --num-records or up to it.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l key-distribution -d 'Keys of the records: none, or N of them, as often as each other or by Zipf\'s law.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l latency-from -d 'Latencies from the moment a record is sent, or, with --throughput, from the moment it was due.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l report -d 'Write a page of HTML with charts of the throughput over time and of the latencies.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l print-metrics -d 'Print the producer\'s metrics at the end.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l payload-monotonic -d 'Records that are numbers, counted up from 0.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from producer" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l bootstrap-server -d 'The brokers to begin with, HOST:PORT, separated by commas.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l command-config -d 'A file of share consumer properties; --command-property is stronger.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l command-property -d 'A share consumer property, key=value. May be repeated.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l consumer.config -d 'The same as --command-config, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l date-format -d 'How times are printed (Java\'s SimpleDateFormat).' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l fetch-size -d 'At most so many bytes in one fetch.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l group -d 'The share group.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l messages -d 'The same as --num-records, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l num-records -d 'How many records to read.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l report -d 'Write a page of HTML with charts of the throughput over time and of the latencies.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l reporting-interval -d 'With --show-detailed-stats: a line each so many ms.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l socket-buffer-size -d 'Bytes of the socket\'s receive buffer (left to the system here).' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l threads -d 'How many share consumers read at once.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l timeout -d 'End when no record came for so long, in ms.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l topic -d 'The topic to read.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l help -d 'Print this help.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l hide-header -d 'Leave out the line of column names.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l print-metrics -d 'Print metrics at the end.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l show-consumer-stats -d 'A line for each share consumer at the end.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l show-detailed-stats -d 'A line for each interval and share consumer.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l version -d 'Print Kafka\'s version.'
complete -c kt -n "__fish_kt_using_subcommand perf-test; and __fish_seen_subcommand_from share-consumer" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand topics" -l bootstrap-server -d 'REQUIRED: the Kafka servers to connect to, host:port, comma-separated.' -r
complete -c kt -n "__fish_kt_using_subcommand topics" -l command-config -d 'A properties file for the Admin client.' -r
complete -c kt -n "__fish_kt_using_subcommand topics" -l config -d 'A configuration of the topic that --create makes; may be repeated. Names: cleanup.policy compression.gzip.level compression.lz4.level compression.type compression.zstd.level delete.retention.ms file.delete.delay.ms flush.messages flush.ms follower.replication.throttled.replicas index.interval.bytes leader.replication.throttled.replicas local.retention.bytes local.retention.ms max.compaction.lag.ms max.message.bytes message.timestamp.after.max.ms message.timestamp.before.max.ms message.timestamp.type min.cleanable.dirty.ratio min.compaction.lag.ms min.insync.replicas preallocate remote.log.copy.disable remote.log.delete.on.disable remote.storage.enable retention.bytes retention.ms segment.bytes segment.index.bytes segment.jitter.ms segment.ms unclean.leader.election.enable' -r
complete -c kt -n "__fish_kt_using_subcommand topics" -l delete-config -d 'Does nothing since 4.0; use kafka-configs.' -r
complete -c kt -n "__fish_kt_using_subcommand topics" -l partition-size-limit-per-response -d 'How many partitions one DescribeTopicPartitions response may hold.' -r
complete -c kt -n "__fish_kt_using_subcommand topics" -l partitions -d 'How many partitions the topic gets (--create) or grows to (--alter). Without it --create takes the broker\'s num.partitions. Keyed records of a topic that grows go to other partitions than before.' -r
complete -c kt -n "__fish_kt_using_subcommand topics" -l replica-assignment -d 'Which brokers hold each partition, in place of Kafka\'s own choice.' -r
complete -c kt -n "__fish_kt_using_subcommand topics" -l replication-factor -d 'How many replicas each partition of the new topic has; without it the broker\'s default.replication.factor.' -r
complete -c kt -n "__fish_kt_using_subcommand topics" -l topic -d 'The topic\'s name; except for --create a regular expression, or several with commas between them.' -r
complete -c kt -n "__fish_kt_using_subcommand topics" -l topic-id -d 'With --describe: the topic by its id.' -r
complete -c kt -n "__fish_kt_using_subcommand topics" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand topics" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand topics" -l alter -d 'Give a topic more partitions. (Configurations are changed with kafka-configs.)'
complete -c kt -n "__fish_kt_using_subcommand topics" -l at-min-isr-partitions -d 'With --describe: only partitions with just as many in-sync replicas as min.insync.replicas asks for.'
complete -c kt -n "__fish_kt_using_subcommand topics" -l create -d 'Make a topic.'
complete -c kt -n "__fish_kt_using_subcommand topics" -l delete -d 'Delete topics.'
complete -c kt -n "__fish_kt_using_subcommand topics" -l describe -d 'Show topics, their configurations and their partitions.'
complete -c kt -n "__fish_kt_using_subcommand topics" -l exclude-internal -d 'With --list or --describe: leave Kafka\'s own topics out.'
complete -c kt -n "__fish_kt_using_subcommand topics" -l help -d 'Show this help.'
complete -c kt -n "__fish_kt_using_subcommand topics" -l if-exists -d 'With --alter, --delete or --describe: a topic that is not there is no error.'
complete -c kt -n "__fish_kt_using_subcommand topics" -l if-not-exists -d 'With --create: a topic that is already there is no error.'
complete -c kt -n "__fish_kt_using_subcommand topics" -l list -d 'List the names of all topics.'
complete -c kt -n "__fish_kt_using_subcommand topics" -l topics-with-overrides -d 'With --describe: only topics with configurations of their own, without their partitions.'
complete -c kt -n "__fish_kt_using_subcommand topics" -l unavailable-partitions -d 'With --describe: only partitions without a living leader.'
complete -c kt -n "__fish_kt_using_subcommand topics" -l under-min-isr-partitions -d 'With --describe: only partitions with fewer in-sync replicas than min.insync.replicas asks for.'
complete -c kt -n "__fish_kt_using_subcommand topics" -l under-replicated-partitions -d 'With --describe: only partitions with replicas that are not in sync.'
complete -c kt -n "__fish_kt_using_subcommand topics" -l version -d 'Show Kafka\'s version.'
complete -c kt -n "__fish_kt_using_subcommand topics" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand verifiable-consumer" -l topic -d 'The topic to read.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-consumer" -l group-protocol -d 'How the group works: classic or consumer (KIP-848).' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-consumer" -l group-remote-assignor -d 'Who assigns partitions at the broker; for --group-protocol consumer.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-consumer" -l group-id -d 'The group to join.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-consumer" -l group-instance-id -d 'The name of a static member.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-consumer" -l max-messages -d 'How many records to read; -1 for as many as until a signal comes.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-consumer" -l session-timeout -d 'How long the group waits for a silent member, in ms; for --group-protocol classic.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-consumer" -l reset-policy -d 'Where to begin without a committed offset: earliest, latest or none (an error).' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-consumer" -l assignment-strategy -d 'Kafka\'s class that assigns partitions; for --group-protocol classic.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-consumer" -l consumer.config -d 'The same as --command-config, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-consumer" -l command-config -d 'A file of consumer properties; the options are stronger.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-consumer" -l bootstrap-server -d 'The brokers to begin with.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-consumer" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-consumer" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-consumer" -l verbose -d 'An event for each record too.'
complete -c kt -n "__fish_kt_using_subcommand verifiable-consumer" -l enable-autocommit -d 'Commit as the consumer does by itself, not after each poll.'
complete -c kt -n "__fish_kt_using_subcommand verifiable-consumer" -l yes -d 'Change a cluster whose context is protected.'
complete -c kt -n "__fish_kt_using_subcommand verifiable-producer" -l topic -d 'The topic that records go to.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-producer" -l max-messages -d 'How many records to send; -1 for as many as until a signal comes.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-producer" -l throughput -d 'At most so many records a second, about; -1 for as many as can be.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-producer" -l acks -d 'Who acknowledges a record: 0, 1 or -1 (all).' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-producer" -l producer.config -d 'The same as --command-config, which replaces it.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-producer" -l message-create-time -d 'The time of the first record, in ms since 1970; later ones grow with the time that passes.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-producer" -l value-prefix -d 'A number and a dot in front of each value.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-producer" -l repeating-keys -d 'Keys from 0 up to this number, then from 0 again.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-producer" -l command-config -d 'A file of producer properties, stronger than the options.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-producer" -l bootstrap-server -d 'The brokers to begin with.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-producer" -s o -l output -d 'How to print data: kafka, table, json, jsonl or csv.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-producer" -l context -d 'The context to connect with, in place of the current one.' -r
complete -c kt -n "__fish_kt_using_subcommand verifiable-producer" -l yes -d 'Change a cluster whose context is protected.'
