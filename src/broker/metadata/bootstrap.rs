//! What a new cluster starts from: its feature levels, and the `bootstrap.checkpoint` that `kafka-storage format` would
//! have written (Kafka: `BootstrapMetadata`, `BootstrapDirectory`).

use std::io;

use super::image::resource_type;
use super::record::MetadataRecord;

/// Name, lowest supported, highest supported and initial level of the features of 4.3.1.
pub const FEATURES: &[(&str, i16, i16, i16)] = &[
    ("metadata.version", 7, 30, 30),
    ("eligible.leader.replicas.version", 0, 1, 1),
    ("group.version", 0, 1, 1),
    ("share.version", 0, 1, 1),
    ("streams.version", 0, 1, 1),
    ("transaction.version", 0, 2, 2),
];

/// Supported like the others, but it has no feature record.
pub const KRAFT_VERSION: (&str, i16, i16) = ("kraft.version", 0, 1);

fn feature_records() -> impl Iterator<Item = MetadataRecord> {
    FEATURES.iter().map(|(name, _, _, level)| MetadataRecord::FeatureLevel {
        name: (*name).to_owned(),
        level: *level,
    })
}

/// The first records of a new metadata log.
pub(super) fn records() -> Vec<MetadataRecord> {
    let mut records = vec![MetadataRecord::BeginTransaction {
        name: "Bootstrap records".to_owned(),
    }];
    records.extend(feature_records());
    // Eligible leader replicas need the cluster to have its own default (KIP-966).
    records.push(MetadataRecord::Config {
        resource_type: resource_type::BROKER,
        resource_name: String::new(),
        name: "min.insync.replicas".to_owned(),
        value: Some("1".to_owned()),
    });
    records.push(MetadataRecord::EndTransaction);
    records
}

/// The content of `bootstrap.checkpoint`: a snapshot of the feature levels.
pub(super) fn checkpoint(now_ms: i64) -> io::Result<Vec<u8>> {
    super::snapshot::bytes(0, &feature_records().collect::<Vec<_>>(), now_ms)
}
