//! The records of `__cluster_metadata` that this broker writes and understands (KIP-631), typed.
//!
//! Bytes are made and read by the field tables of [`crate::internal_topic`]; kinds that only other controllers write
//! become [`MetadataRecord::Other`]: they change nothing here and go into the next snapshot as they came.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::broker::acl::Acl;
use crate::internal_topic::metadata::{decode_value, encode_value};
use crate::internal_topic::{parse_uuid, uuid_text};

/// A change to the cluster's metadata.
#[derive(Debug, Clone, PartialEq)]
pub enum MetadataRecord {
    Topic {
        name: String,
        topic_id: Uuid,
    },
    RemoveTopic {
        topic_id: Uuid,
    },
    Partition(PartitionRecord),
    PartitionChange(PartitionChange),
    /// A value of `None` removes the name.
    Config {
        resource_type: i8,
        resource_name: String,
        name: String,
        value: Option<String>,
    },
    RegisterBroker(RegisterBroker),
    UnregisterBroker {
        broker_id: i32,
        broker_epoch: i64,
    },
    /// `fenced` is -1 for unfenced, 1 for fenced, 0 for no change; no `log_dirs` are no change either.
    BrokerRegistrationChange {
        broker_id: i32,
        broker_epoch: i64,
        fenced: i8,
        log_dirs: Vec<Uuid>,
    },
    FeatureLevel {
        name: String,
        level: i16,
    },
    ProducerIds {
        broker_id: i32,
        broker_epoch: i64,
        next_producer_id: i64,
    },
    /// An entity's value; `None` removes the key. A name of `None` is the default entity of its type.
    ClientQuota {
        entity: Vec<(String, Option<String>)>,
        key: String,
        value: Option<f64>,
    },
    UserScramCredential(ScramCredentialRecord),
    RemoveUserScramCredential {
        name: String,
        mechanism: i8,
    },
    AccessControlEntry {
        id: Uuid,
        acl: Acl,
    },
    RemoveAccessControlEntry {
        id: Uuid,
    },
    DelegationToken(DelegationTokenRecord),
    RemoveDelegationToken {
        token_id: String,
    },
    BeginTransaction {
        name: String,
    },
    EndTransaction,
    AbortTransaction,
    NoOp,
    /// The bytes of a record of another kind: kept, so that a snapshot holds it too.
    Other(Vec<u8>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct PartitionRecord {
    pub partition_id: i32,
    pub topic_id: Uuid,
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
    pub removing_replicas: Vec<i32>,
    pub adding_replicas: Vec<i32>,
    pub leader: i32,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    pub directories: Vec<Uuid>,
    /// Replicas that may lead although they are not in sync (KIP-966).
    pub eligible_leader_replicas: Vec<i32>,
    pub last_known_elr: Vec<i32>,
}

/// What changed of a partition; `None` is no change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PartitionChange {
    pub partition_id: i32,
    pub topic_id: Uuid,
    pub isr: Option<Vec<i32>>,
    /// -1 is no leader.
    pub leader: Option<i32>,
    pub replicas: Option<Vec<i32>>,
    pub removing_replicas: Option<Vec<i32>>,
    pub adding_replicas: Option<Vec<i32>>,
    pub directories: Option<Vec<Uuid>>,
    pub eligible_leader_replicas: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct RegisterBroker {
    pub broker_id: i32,
    pub incarnation_id: Uuid,
    pub broker_epoch: i64,
    pub end_points: Vec<EndPoint>,
    /// Name, lowest and highest supported version.
    pub features: Vec<(String, i16, i16)>,
    pub rack: Option<String>,
    pub fenced: bool,
    pub log_dirs: Vec<Uuid>,
}

/// A listener of a registered broker; the protocol is Kafka's number of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndPoint {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub security_protocol: i16,
}

/// Times are in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegationTokenRecord {
    /// Principals, `TYPE:NAME`.
    pub owner: String,
    pub requester: String,
    pub renewers: Vec<String>,
    pub issue_timestamp: i64,
    /// It cannot be renewed beyond this.
    pub max_timestamp: i64,
    pub expiration_timestamp: i64,
    pub token_id: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ScramCredentialRecord {
    pub name: String,
    /// 1 is SCRAM-SHA-256, 2 is SCRAM-SHA-512.
    pub mechanism: i8,
    pub salt: Vec<u8>,
    pub stored_key: Vec<u8>,
    pub server_key: Vec<u8>,
    pub iterations: i32,
}

/// Bytes of the metadata log that are no such record.
#[derive(Debug, thiserror::Error)]
#[error("malformed metadata record: {0}")]
pub struct MetadataRecordError(String);

fn wrong(what: &str) -> MetadataRecordError {
    MetadataRecordError(format!("field {what} is missing or of another type"))
}

/// An empty list of eligible replicas is not written.
fn non_empty(items: &[i32]) -> Option<&[i32]> {
    (!items.is_empty()).then_some(items)
}

fn ids(items: &[Uuid]) -> Vec<String> {
    items.iter().map(uuid_text_of).collect()
}

fn uuid_text_of(id: &Uuid) -> String {
    uuid_text(id.as_bytes())
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

impl MetadataRecord {
    /// The record's bytes in the newest version 4.3.1 writes.
    ///
    /// # Errors
    /// If a value does not fit its field.
    pub fn encode(&self) -> Result<Vec<u8>, MetadataRecordError> {
        if let Self::Other(bytes) = self {
            return Ok(bytes.clone());
        }
        let (record_type, version, json) = self.to_json();
        encode_value(record_type, version, &json).map_err(|e| MetadataRecordError(e.to_string()))
    }

    fn to_json(&self) -> (i16, i16, Value) {
        match self {
            Self::RegisterBroker(r) => (0, 4, r.to_json()),
            Self::UnregisterBroker {
                broker_id,
                broker_epoch,
            } => (1, 0, json!({"brokerId": broker_id, "brokerEpoch": broker_epoch})),
            Self::Topic { name, topic_id } => (2, 0, json!({"name": name, "topicId": uuid_text_of(topic_id)})),
            Self::Partition(p) => (3, 2, p.to_json()),
            Self::Config {
                resource_type,
                resource_name,
                name,
                value,
            } => {
                let json =
                    json!({"resourceType": resource_type, "resourceName": resource_name, "name": name, "value": value});
                (4, 0, json)
            }
            Self::PartitionChange(c) => (5, 2, c.to_json()),
            Self::RemoveTopic { topic_id } => (9, 0, json!({"topicId": uuid_text_of(topic_id)})),
            Self::DelegationToken(t) => {
                let json = json!({"owner": t.owner, "requester": t.requester, "renewers": t.renewers,
                    "issueTimestamp": t.issue_timestamp, "maxTimestamp": t.max_timestamp,
                    "expirationTimestamp": t.expiration_timestamp, "tokenId": t.token_id});
                (10, 0, json)
            }
            Self::RemoveDelegationToken { token_id } => (26, 0, json!({"tokenId": token_id})),
            Self::UserScramCredential(c) => {
                let json = json!({"name": c.name, "mechanism": c.mechanism, "salt": base64(&c.salt),
                    "storedKey": base64(&c.stored_key), "serverKey": base64(&c.server_key), "iterations": c.iterations});
                (11, 0, json)
            }
            Self::FeatureLevel { name, level } => (12, 0, json!({"name": name, "featureLevel": level})),
            Self::ClientQuota { entity, key, value } => {
                let entity: Vec<Value> = entity
                    .iter()
                    .map(|(kind, name)| json!({"entityType": kind, "entityName": name}))
                    .collect();
                let json =
                    json!({"entity": entity, "key": key, "value": value.unwrap_or(0.0), "remove": value.is_none()});
                (14, 0, json)
            }
            Self::ProducerIds {
                broker_id,
                broker_epoch,
                next_producer_id,
            } => {
                let json =
                    json!({"brokerId": broker_id, "brokerEpoch": broker_epoch, "nextProducerId": next_producer_id});
                (15, 0, json)
            }
            Self::BrokerRegistrationChange {
                broker_id,
                broker_epoch,
                fenced,
                log_dirs,
            } => {
                let mut json = json!({"brokerId": broker_id, "brokerEpoch": broker_epoch, "fenced": fenced});
                if log_dirs.is_empty() {
                    return (17, 0, json);
                }
                json["logDirs"] = ids(log_dirs).into();
                (17, 2, json)
            }
            Self::AccessControlEntry { id, acl } => {
                let json = json!({"id": uuid_text_of(id), "resourceType": acl.resource_type,
                    "resourceName": acl.resource_name, "patternType": acl.pattern_type, "principal": acl.principal,
                    "host": acl.host, "operation": acl.operation, "permissionType": acl.permission});
                (18, 0, json)
            }
            Self::RemoveAccessControlEntry { id } => (19, 0, json!({"id": uuid_text_of(id)})),
            Self::NoOp | Self::Other(_) => (20, 0, json!({})),
            Self::RemoveUserScramCredential { name, mechanism } => {
                (22, 0, json!({"name": name, "mechanism": mechanism}))
            }
            Self::BeginTransaction { name } => (23, 0, json!({"name": name})),
            Self::EndTransaction => (24, 0, json!({})),
            Self::AbortTransaction => (25, 0, json!({})),
        }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// If the bytes are not a metadata record of Kafka 4.3.1.
    pub fn decode(bytes: &[u8]) -> Result<Self, MetadataRecordError> {
        let record = decode_value(bytes).map_err(|e| MetadataRecordError(e.to_string()))?;
        let fields = Fields(&record.json);
        Ok(match record.record_type() {
            0 => Self::RegisterBroker(RegisterBroker::from_json(&fields)?),
            1 => Self::UnregisterBroker {
                broker_id: fields.int("brokerId")?,
                broker_epoch: fields.int("brokerEpoch")?,
            },
            2 => Self::Topic {
                name: fields.text("name")?,
                topic_id: fields.uuid("topicId")?,
            },
            3 => Self::Partition(PartitionRecord::from_json(&fields)?),
            4 => Self::Config {
                resource_type: fields.int("resourceType")?,
                resource_name: fields.text("resourceName")?,
                name: fields.text("name")?,
                value: fields.opt_text("value"),
            },
            5 => Self::PartitionChange(PartitionChange::from_json(&fields)?),
            9 => Self::RemoveTopic {
                topic_id: fields.uuid("topicId")?,
            },
            12 => Self::FeatureLevel {
                name: fields.text("name")?,
                level: fields.int("featureLevel")?,
            },
            14 => Self::ClientQuota {
                entity: fields.entity()?,
                key: fields.text("key")?,
                value: if fields.bool("remove") {
                    None
                } else {
                    record.json["value"].as_f64()
                },
            },
            15 => Self::ProducerIds {
                broker_id: fields.int("brokerId")?,
                broker_epoch: fields.int("brokerEpoch")?,
                next_producer_id: fields.int("nextProducerId")?,
            },
            17 => Self::BrokerRegistrationChange {
                broker_id: fields.int("brokerId")?,
                broker_epoch: fields.int("brokerEpoch")?,
                fenced: fields.int("fenced")?,
                log_dirs: fields.uuids("logDirs").unwrap_or_default(),
            },
            20 => Self::NoOp,
            23 => Self::BeginTransaction {
                name: fields.opt_text("name").unwrap_or_default(),
            },
            24 => Self::EndTransaction,
            25 => Self::AbortTransaction,
            other => Self::decode_security(other, &fields)?.unwrap_or_else(|| Self::Other(bytes.to_vec())),
        })
    }

    /// Records about who may log in and do what; `None` for other types.
    fn decode_security(record_type: i16, fields: &Fields<'_>) -> Result<Option<Self>, MetadataRecordError> {
        Ok(Some(match record_type {
            10 => Self::DelegationToken(DelegationTokenRecord {
                owner: fields.text("owner")?,
                requester: fields.text("requester")?,
                renewers: fields.texts("renewers")?,
                issue_timestamp: fields.int("issueTimestamp")?,
                max_timestamp: fields.int("maxTimestamp")?,
                expiration_timestamp: fields.int("expirationTimestamp")?,
                token_id: fields.text("tokenId")?,
            }),
            11 => Self::UserScramCredential(ScramCredentialRecord {
                name: fields.text("name")?,
                mechanism: fields.int("mechanism")?,
                salt: fields.bytes("salt")?,
                stored_key: fields.bytes("storedKey")?,
                server_key: fields.bytes("serverKey")?,
                iterations: fields.int("iterations")?,
            }),
            18 => Self::AccessControlEntry {
                id: fields.uuid("id")?,
                acl: Acl {
                    resource_type: fields.int("resourceType")?,
                    resource_name: fields.text("resourceName")?,
                    pattern_type: fields.int("patternType")?,
                    principal: fields.text("principal")?,
                    host: fields.text("host")?,
                    operation: fields.int("operation")?,
                    permission: fields.int("permissionType")?,
                },
            },
            19 => Self::RemoveAccessControlEntry { id: fields.uuid("id")? },
            22 => Self::RemoveUserScramCredential {
                name: fields.text("name")?,
                mechanism: fields.int("mechanism")?,
            },
            26 => Self::RemoveDelegationToken {
                token_id: fields.text("tokenId")?,
            },
            _ => return Ok(None),
        }))
    }
}

impl PartitionRecord {
    fn to_json(&self) -> Value {
        json!({"partitionId": self.partition_id, "topicId": uuid_text_of(&self.topic_id), "replicas": self.replicas,
            "isr": self.isr, "removingReplicas": self.removing_replicas, "addingReplicas": self.adding_replicas,
            "leader": self.leader, "leaderEpoch": self.leader_epoch, "partitionEpoch": self.partition_epoch,
            "directories": ids(&self.directories), "eligibleLeaderReplicas": non_empty(&self.eligible_leader_replicas),
            "lastKnownElr": non_empty(&self.last_known_elr)})
    }

    fn from_json(fields: &Fields<'_>) -> Result<Self, MetadataRecordError> {
        Ok(Self {
            partition_id: fields.int("partitionId")?,
            topic_id: fields.uuid("topicId")?,
            replicas: fields.ints("replicas").unwrap_or_default(),
            isr: fields.ints("isr").unwrap_or_default(),
            removing_replicas: fields.ints("removingReplicas").unwrap_or_default(),
            adding_replicas: fields.ints("addingReplicas").unwrap_or_default(),
            leader: fields.int("leader")?,
            leader_epoch: fields.int("leaderEpoch")?,
            partition_epoch: fields.int("partitionEpoch")?,
            directories: fields.uuids("directories").unwrap_or_default(),
            eligible_leader_replicas: fields.ints("eligibleLeaderReplicas").unwrap_or_default(),
            last_known_elr: fields.ints("lastKnownElr").unwrap_or_default(),
        })
    }
}

impl PartitionChange {
    fn to_json(&self) -> Value {
        json!({"partitionId": self.partition_id, "topicId": uuid_text_of(&self.topic_id), "isr": self.isr,
            "leader": self.leader.unwrap_or(-2), "replicas": self.replicas, "removingReplicas": self.removing_replicas,
            "addingReplicas": self.adding_replicas, "directories": self.directories.as_deref().map(ids),
            "eligibleLeaderReplicas": self.eligible_leader_replicas, "lastKnownElr": self.last_known_elr})
    }

    fn from_json(fields: &Fields<'_>) -> Result<Self, MetadataRecordError> {
        Ok(Self {
            partition_id: fields.int("partitionId")?,
            topic_id: fields.uuid("topicId")?,
            isr: fields.ints("isr"),
            leader: Some(fields.int("leader")?).filter(|leader| *leader != -2),
            replicas: fields.ints("replicas"),
            removing_replicas: fields.ints("removingReplicas"),
            adding_replicas: fields.ints("addingReplicas"),
            directories: fields.uuids("directories"),
            eligible_leader_replicas: fields.ints("eligibleLeaderReplicas"),
            last_known_elr: fields.ints("lastKnownElr"),
        })
    }
}

impl RegisterBroker {
    fn to_json(&self) -> Value {
        let end_point = |e: &EndPoint| json!({"name": e.name, "host": e.host, "port": e.port, "securityProtocol": e.security_protocol});
        let end_points: Vec<Value> = self.end_points.iter().map(end_point).collect();
        let features: Vec<Value> = self
            .features
            .iter()
            .map(|(name, min, max)| json!({"name": name, "minSupportedVersion": min, "maxSupportedVersion": max}))
            .collect();
        json!({"brokerId": self.broker_id, "incarnationId": uuid_text_of(&self.incarnation_id),
            "brokerEpoch": self.broker_epoch, "endPoints": end_points, "features": features, "rack": self.rack,
            "fenced": self.fenced, "logDirs": ids(&self.log_dirs)})
    }

    fn from_json(fields: &Fields<'_>) -> Result<Self, MetadataRecordError> {
        let end_point = |json: &Value| {
            let fields = Fields(json);
            Ok(EndPoint {
                name: fields.text("name")?,
                host: fields.text("host")?,
                port: fields.int("port")?,
                security_protocol: fields.int("securityProtocol")?,
            })
        };
        let feature = |json: &Value| {
            let fields = Fields(json);
            Ok((
                fields.text("name")?,
                fields.int("minSupportedVersion")?,
                fields.int("maxSupportedVersion")?,
            ))
        };
        Ok(Self {
            broker_id: fields.int("brokerId")?,
            incarnation_id: fields.uuid("incarnationId")?,
            broker_epoch: fields.int("brokerEpoch")?,
            end_points: fields
                .array("endPoints")?
                .iter()
                .map(end_point)
                .collect::<Result<_, _>>()?,
            features: fields
                .array("features")?
                .iter()
                .map(feature)
                .collect::<Result<_, _>>()?,
            rack: fields.opt_text("rack"),
            fenced: fields.bool("fenced"),
            log_dirs: fields.uuids("logDirs").unwrap_or_default(),
        })
    }
}

/// Typed access to a decoded record.
struct Fields<'a>(&'a Value);

impl Fields<'_> {
    fn int<T: TryFrom<i64>>(&self, name: &str) -> Result<T, MetadataRecordError> {
        self.0[name]
            .as_i64()
            .and_then(|n| T::try_from(n).ok())
            .ok_or_else(|| wrong(name))
    }

    fn bool(&self, name: &str) -> bool {
        self.0[name].as_bool().unwrap_or(false)
    }

    fn opt_text(&self, name: &str) -> Option<String> {
        self.0[name].as_str().map(str::to_owned)
    }

    fn text(&self, name: &str) -> Result<String, MetadataRecordError> {
        self.opt_text(name).ok_or_else(|| wrong(name))
    }

    fn texts(&self, name: &str) -> Result<Vec<String>, MetadataRecordError> {
        let text = |v: &Value| v.as_str().map(str::to_owned).ok_or_else(|| wrong(name));
        self.array(name)?.iter().map(text).collect()
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, MetadataRecordError> {
        use base64::Engine;
        let text = self.0[name].as_str().ok_or_else(|| wrong(name))?;
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .map_err(|_| wrong(name))
    }

    fn uuid(&self, name: &str) -> Result<Uuid, MetadataRecordError> {
        uuid_of(&self.0[name]).ok_or_else(|| wrong(name))
    }

    fn array(&self, name: &str) -> Result<&Vec<Value>, MetadataRecordError> {
        self.0[name].as_array().ok_or_else(|| wrong(name))
    }

    /// `None` where the field is null.
    fn ints(&self, name: &str) -> Option<Vec<i32>> {
        let items = self.0[name].as_array()?;
        Some(
            items
                .iter()
                .filter_map(|n| n.as_i64().and_then(|n| i32::try_from(n).ok()))
                .collect(),
        )
    }

    fn uuids(&self, name: &str) -> Option<Vec<Uuid>> {
        Some(self.0[name].as_array()?.iter().filter_map(uuid_of).collect())
    }

    fn entity(&self) -> Result<Vec<(String, Option<String>)>, MetadataRecordError> {
        let item = |json: &Value| {
            let fields = Fields(json);
            Ok((fields.text("entityType")?, fields.opt_text("entityName")))
        };
        self.array("entity")?.iter().map(item).collect()
    }
}

fn uuid_of(value: &Value) -> Option<Uuid> {
    parse_uuid(value.as_str()?).map(Uuid::from_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_survive_the_round_trip() {
        let topic_id = Uuid::from_u128(7);
        let partition = PartitionRecord {
            partition_id: 3,
            topic_id,
            replicas: vec![1, 2],
            isr: vec![1],
            removing_replicas: vec![],
            adding_replicas: vec![2],
            leader: 1,
            leader_epoch: 4,
            partition_epoch: 5,
            directories: vec![Uuid::from_u128(8), Uuid::from_u128(9)],
            eligible_leader_replicas: vec![2],
            last_known_elr: vec![],
        };
        let broker = RegisterBroker {
            broker_id: 1,
            incarnation_id: Uuid::from_u128(5),
            broker_epoch: 11,
            end_points: vec![EndPoint {
                name: "A".into(),
                host: "h".into(),
                port: 65535,
                security_protocol: 3,
            }],
            features: vec![("metadata.version".into(), 7, 30)],
            rack: Some("r".into()),
            fenced: false,
            log_dirs: vec![Uuid::from_u128(8)],
        };
        let quota = |value| MetadataRecord::ClientQuota {
            entity: vec![("user".into(), None), ("client-id".into(), Some("c".into()))],
            key: "producer_byte_rate".into(),
            value,
        };
        let change = PartitionChange {
            topic_id,
            isr: Some(vec![]),
            leader: Some(-1),
            eligible_leader_replicas: Some(vec![1]),
            last_known_elr: Some(vec![]),
            ..Default::default()
        };
        for record in [
            MetadataRecord::Topic {
                name: "t".into(),
                topic_id,
            },
            MetadataRecord::RemoveTopic { topic_id },
            MetadataRecord::Partition(partition),
            MetadataRecord::PartitionChange(change),
            MetadataRecord::PartitionChange(PartitionChange::default()),
            MetadataRecord::RegisterBroker(broker),
            MetadataRecord::UnregisterBroker {
                broker_id: 7,
                broker_epoch: 1 << 40,
            },
            quota(Some(20.5)),
            quota(None),
            MetadataRecord::Config {
                resource_type: 2,
                resource_name: "t".into(),
                name: "k".into(),
                value: None,
            },
            MetadataRecord::AccessControlEntry {
                id: Uuid::from_u128(3),
                acl: Acl {
                    resource_type: 2,
                    resource_name: "t".into(),
                    pattern_type: 4,
                    principal: "User:a".into(),
                    host: "*".into(),
                    operation: 3,
                    permission: 2,
                },
            },
            MetadataRecord::RemoveAccessControlEntry { id: Uuid::from_u128(3) },
            MetadataRecord::DelegationToken(DelegationTokenRecord {
                owner: "User:a".into(),
                requester: "User:b".into(),
                renewers: vec!["User:c".into()],
                issue_timestamp: 1,
                max_timestamp: 3,
                expiration_timestamp: 2,
                token_id: "id".into(),
            }),
            MetadataRecord::RemoveDelegationToken { token_id: "id".into() },
            MetadataRecord::EndTransaction,
        ] {
            assert_eq!(MetadataRecord::decode(&record.encode().unwrap()).unwrap(), record);
        }
    }

    #[test]
    fn foreign_bytes_are_an_error() {
        assert!(MetadataRecord::decode(b"").is_err());
        assert!(MetadataRecord::decode(&[1, 2, 0, 0xff]).is_err());
        assert!(MetadataRecord::decode(&[1, 0xff, 0xff, 3, 0]).is_err());
    }
}
