//! The options of `kafka-dump-log.sh`, and those beyond it.

use std::sync::Arc;

use crate::cli::compat::opts::OptError;
use crate::cli::{CliError, CliResult, Manner, Opt, Parsed};

use super::decoder::Decoder;
use super::selection::Selection;

const STRING_DECODER: &str = "org.apache.kafka.tools.api.StringDecoder";

pub(super) const OPTS: &[Opt] = &[
    Opt::flag("print-data-log").help(
        "If set, printing the messages content when dumping data logs. Automatically set if any decoder option is specified.",
    ),
    Opt::flag("verify-index-only").help("If set, just verify the index log without printing its content."),
    Opt::flag("index-sanity-check").help(
        "If set, just checks the index sanity without printing its content. This is the same check that is executed on broker startup to determine if an index needs rebuilding or not.",
    ),
    Opt::value("files", "String: file1, file2, ...")
        .help("REQUIRED: The comma separated list of data and index log files to be dumped."),
    Opt::value("max-message-size", "Integer: size").help("Size of largest message.").default("5242880"),
    Opt::value("max-bytes", "Integer: size")
        .help("Limit the amount of total batches read in bytes avoiding reading the whole .log file(s).")
        .default("2147483647"),
    Opt::flag("deep-iteration").help(
        "If set, uses deep instead of shallow iteration. Automatically set if print-data-log is enabled.",
    ),
    Opt::optional("value-decoder-class", "String")
        .help("If set, used to deserialize the messages. This class should implement org.apache.kafka.tools.api.Decoder trait. Custom jar should be available in kafka/libs directory.")
        .default(STRING_DECODER),
    Opt::optional("key-decoder-class", "String")
        .help("If set, used to deserialize the keys. This class should implement org.apache.kafka.tools.api.Decoder trait. Custom jar should be available in kafka/libs directory.")
        .default(STRING_DECODER),
    Opt::flag("offsets-decoder")
        .help("If set, log data will be parsed as offset data from the __consumer_offsets topic."),
    Opt::flag("transaction-log-decoder")
        .help("If set, log data will be parsed as transaction metadata from the __transaction_state topic."),
    Opt::flag("cluster-metadata-decoder").help("If set, log data will be parsed as cluster metadata records."),
    Opt::flag("remote-log-metadata-decoder").help(
        "If set, log data will be parsed as TopicBasedRemoteLogMetadataManager (RLMM) metadata records. Instead, the value-decoder-class option can be used if a custom RLMM implementation is configured.",
    ),
    Opt::flag("share-group-state-decoder")
        .help("If set, log data will be parsed as share group state data from the __share_group_state topic."),
    Opt::flag("skip-record-metadata")
        .help("Skip metadata when printing records. This flag also skips control records."),
    Opt::flag("help").help("Print usage information."),
    Opt::flag("version").help("Display Kafka version."),
    Opt::value("from-offset", "Long: offset")
        .beyond()
        .help("Leave out records below this offset."),
    Opt::value("to-offset", "Long: offset")
        .beyond()
        .help("Leave out records at and above this offset."),
    Opt::value("from-time", "TIME")
        .beyond()
        .help("Leave out records before this time: ISO-8601, '2h ago', or ms since 1970."),
    Opt::value("to-time", "TIME")
        .beyond()
        .help("Leave out records at and after this time. Looks at each record, as --deep-iteration does."),
    Opt::value("filter", "FIELD OP TEXT").beyond().help(
        "Only records whose key, value or header.NAME is (=), is not (!=), matches (~) or does not match (!~) the text: \
         'key=a', 'value~^err', 'header.trace!=x'. May be repeated; all must hold. Looks at each record, as --deep-iteration does.",
    ),
    Opt::flag("verify").beyond().help(
        "Check the files in place of printing them: the checksum of every batch, the order of offsets, indexes against the log. A row a file; fails on damage.",
    ),
];

/// Decoder flags, in the order in which one wins over the others.
const DECODERS: &[(&str, Decoder)] = &[
    ("offsets-decoder", Decoder::Offsets),
    ("transaction-log-decoder", Decoder::TransactionLog),
    ("cluster-metadata-decoder", Decoder::ClusterMetadata),
    ("remote-log-metadata-decoder", Decoder::RemoteLogMetadata),
    ("share-group-state-decoder", Decoder::ShareGroupState),
];

/// The command line, read. Values that only one kind of file needs are read when such a file comes, as in Kafka.
#[derive(Debug)]
pub(super) struct Options {
    parsed: Parsed,
    pub(super) files: Vec<String>,
    /// Files were named, if only by a comma.
    pub(super) has_files: bool,
    pub(super) print_data: bool,
    pub(super) deep: bool,
    pub(super) skip_record_metadata: bool,
    pub(super) verify_only: bool,
    pub(super) sanity_only: bool,
    pub(super) verify: bool,
    pub(super) selection: Arc<Selection>,
}

impl Options {
    pub(super) fn new(parsed: Parsed, manner: Manner) -> CliResult<Self> {
        let print_data = parsed.has("print-data-log")
            || parsed.has("value-decoder-class")
            || parsed.has("key-decoder-class")
            || DECODERS.iter().any(|(flag, _)| parsed.has(flag));
        let mut files = parsed
            .value("files")?
            .map(super::java::split_commas)
            .unwrap_or_default();
        if manner == Manner::Kt {
            files.extend(parsed.positional.iter().cloned());
        }
        Ok(Options {
            has_files: !files.is_empty() || parsed.has("files"),
            files,
            print_data,
            deep: print_data
                || ["deep-iteration", "to-time", "filter"]
                    .iter()
                    .any(|name| parsed.has(name)),
            skip_record_metadata: parsed.has("skip-record-metadata"),
            verify_only: parsed.has("verify-index-only"),
            sanity_only: parsed.has("index-sanity-check"),
            verify: parsed.has("verify"),
            selection: Arc::new(Selection::new(&parsed)?),
            parsed,
        })
    }

    pub(super) fn max_message_size(&self) -> CliResult<i32> {
        self.int("max-message-size")
    }

    pub(super) fn max_bytes(&self) -> CliResult<i32> {
        self.int("max-bytes")
    }

    fn int(&self, name: &str) -> CliResult<i32> {
        let value: Result<Option<i32>, OptError> = self.parsed.parsed(name);
        Ok(value?.unwrap_or(i32::MAX))
    }

    /// What turns keys and values into text.
    ///
    /// # Errors
    /// A decoder class that is none of Kafka's own.
    pub(super) fn decoder(&self) -> CliResult<Decoder> {
        if let Some((_, decoder)) = DECODERS.iter().find(|(flag, _)| self.parsed.has(flag)) {
            return Ok(*decoder);
        }
        let class = |name| -> CliResult<_> {
            let class = self.parsed.value(name)?.unwrap_or(STRING_DECODER);
            super::decoder::Plain::of_class(class).ok_or_else(|| {
                CliError::failed(format!(
                    "Failed to load decoder class\nCaused by: ClassNotFoundException: {class}"
                ))
            })
        };
        let value = class("value-decoder-class")?;
        Ok(Decoder::Classes {
            key: class("key-decoder-class")?,
            value,
        })
    }
}
