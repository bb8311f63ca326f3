//! Tests by API: request in, response out, over a socket. They also hold on real Kafka (`KT_TEST_BOOTSTRAP`).

mod acls;
mod api_versions;
mod bad_bytes;
mod cluster;
mod create_topics;
mod describe_configs;
mod groups;
mod list_offsets;
mod offsets_by_id;
mod produce_fetch;
mod raft_voters;
mod share_groups;
mod streams_groups;
mod timestamps;
pub(crate) mod tokens;
mod transactions;
