//! The cluster's metadata at one moment (Kafka: `MetadataImage`). Immutable once published; the controller makes the
//! next one by applying records to a copy whose untouched parts stay shared.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use super::record::{
    DelegationTokenRecord, EndPoint, MetadataRecord, PartitionChange, PartitionRecord, ScramCredentialRecord,
};
use crate::broker::acl::AclsImage;
use crate::broker::config::Props;

/// Resource types of configs, as on the wire and in records (Kafka: `ConfigResource.Type`).
pub mod resource_type {
    pub const TOPIC: i8 = 2;
    pub const BROKER: i8 = 4;
    pub const BROKER_LOGGER: i8 = 8;
    pub const CLIENT_METRICS: i8 = 16;
    pub const GROUP: i8 = 32;
}

/// A quota entity: pairs of `user`, `client-id` or `ip` and a name, sorted; `None` is the default of that type.
pub type QuotaEntity = Vec<(String, Option<String>)>;

/// A name with its mechanism (1 is SHA-256, 2 is SHA-512).
pub type ScramKey = (String, i8);

#[derive(Debug, Clone, Default)]
pub struct MetadataImage {
    pub cluster_id: Arc<str>,
    pub controller_id: i32,
    pub topics: Arc<BTreeMap<Arc<str>, Arc<TopicImage>>>,
    pub topic_names: Arc<HashMap<Uuid, Arc<str>>>,
    pub configs: Arc<BTreeMap<(i8, String), Props>>,
    pub brokers: Arc<BTreeMap<i32, BrokerImage>>,
    pub features: Arc<BTreeMap<String, i16>>,
    pub client_quotas: Arc<BTreeMap<QuotaEntity, BTreeMap<String, f64>>>,
    pub scram: Arc<BTreeMap<ScramKey, ScramCredentialRecord>>,
    pub acls: Arc<AclsImage>,
    /// Delegation tokens by their ids.
    pub tokens: Arc<BTreeMap<String, DelegationTokenRecord>>,
    pub next_producer_id: i64,
    /// Records this broker has no use for, in their order.
    pub others: Arc<Vec<Vec<u8>>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TopicImage {
    pub name: Arc<str>,
    pub id: Uuid,
    /// Indexed by partition number.
    pub partitions: Vec<PartitionImage>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct PartitionImage {
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
    pub removing_replicas: Vec<i32>,
    pub adding_replicas: Vec<i32>,
    /// -1 is no leader.
    pub leader: i32,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    pub directories: Vec<Uuid>,
    /// Replicas that may lead although they are not in sync (KIP-966).
    pub eligible_leader_replicas: Vec<i32>,
    pub last_known_elr: Vec<i32>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct BrokerImage {
    pub id: i32,
    pub epoch: i64,
    pub incarnation_id: Uuid,
    pub end_points: Vec<EndPoint>,
    pub rack: Option<String>,
    pub fenced: bool,
    pub log_dirs: Vec<Uuid>,
    /// Name, lowest and highest supported version.
    pub features: Vec<(String, i16, i16)>,
}

impl BrokerImage {
    /// The id of the directory new replicas go to; nil where there are several, of which the broker chooses one.
    pub fn log_dir(&self) -> Uuid {
        match self.log_dirs[..] {
            [only] => only,
            _ => Uuid::nil(),
        }
    }

    /// The address of a listener, if this broker has it.
    pub fn listener(&self, name: &str) -> Option<&EndPoint> {
        self.end_points.iter().find(|e| e.name == name)
    }
}

impl PartitionImage {
    /// A partition is being reassigned while replicas come or go.
    pub fn is_reassigning(&self) -> bool {
        !self.adding_replicas.is_empty() || !self.removing_replicas.is_empty()
    }

    fn apply(&mut self, change: &PartitionChange) {
        let set = |target: &mut Vec<i32>, new: &Option<Vec<i32>>| {
            if let Some(new) = new {
                target.clone_from(new);
            }
        };
        set(&mut self.isr, &change.isr);
        set(&mut self.replicas, &change.replicas);
        set(&mut self.removing_replicas, &change.removing_replicas);
        set(&mut self.adding_replicas, &change.adding_replicas);
        set(&mut self.eligible_leader_replicas, &change.eligible_leader_replicas);
        set(&mut self.last_known_elr, &change.last_known_elr);
        if let Some(leader) = change.leader {
            self.leader = leader;
            self.leader_epoch += 1;
        }
        if let Some(directories) = &change.directories {
            self.directories.clone_from(directories);
        }
        self.partition_epoch += 1;
    }
}

impl From<&PartitionRecord> for PartitionImage {
    fn from(record: &PartitionRecord) -> Self {
        Self {
            replicas: record.replicas.clone(),
            isr: record.isr.clone(),
            removing_replicas: record.removing_replicas.clone(),
            adding_replicas: record.adding_replicas.clone(),
            leader: record.leader,
            leader_epoch: record.leader_epoch,
            partition_epoch: record.partition_epoch,
            directories: record.directories.clone(),
            eligible_leader_replicas: record.eligible_leader_replicas.clone(),
            last_known_elr: record.last_known_elr.clone(),
        }
    }
}

impl MetadataImage {
    pub fn topic(&self, name: &str) -> Option<&Arc<TopicImage>> {
        self.topics.get(name)
    }

    pub fn topic_by_id(&self, id: Uuid) -> Option<&Arc<TopicImage>> {
        self.topics.get(self.topic_names.get(&id)?)
    }

    pub fn partition(&self, topic: &str, partition: i32) -> Option<&PartitionImage> {
        self.topic(topic)?.partitions.get(usize::try_from(partition).ok()?)
    }

    /// The values set on a resource; `None` if there are none.
    pub fn config(&self, resource_type: i8, name: &str) -> Option<&Props> {
        self.configs.get(&(resource_type, name.to_owned()))
    }

    /// Brokers that are not fenced, by id.
    pub fn live_brokers(&self) -> impl Iterator<Item = &BrokerImage> {
        self.brokers.values().filter(|b| !b.fenced)
    }

    /// Applies one record. Records about things that are not there are ignored, as they can only follow a removal.
    pub fn apply(&mut self, record: &MetadataRecord) {
        match record {
            MetadataRecord::Topic { name, topic_id } => self.add_topic(name, *topic_id),
            MetadataRecord::RemoveTopic { topic_id } => self.remove_topic(*topic_id),
            MetadataRecord::Partition(p) => self.with_topic(p.topic_id, |topic| {
                if let Ok(index) = usize::try_from(p.partition_id)
                    && index <= topic.partitions.len()
                {
                    match topic.partitions.get_mut(index) {
                        Some(there) => *there = p.into(),
                        None => topic.partitions.push(p.into()),
                    }
                }
            }),
            MetadataRecord::PartitionChange(change) => self.with_topic(change.topic_id, |topic| {
                if let Some(p) = usize::try_from(change.partition_id)
                    .ok()
                    .and_then(|i| topic.partitions.get_mut(i))
                {
                    p.apply(change);
                }
            }),
            MetadataRecord::Config {
                resource_type,
                resource_name,
                name,
                value,
            } => {
                self.set_config((*resource_type, resource_name.clone()), name, value.as_deref());
            }
            MetadataRecord::RegisterBroker(r) => {
                let broker = BrokerImage {
                    id: r.broker_id,
                    epoch: r.broker_epoch,
                    incarnation_id: r.incarnation_id,
                    end_points: r.end_points.clone(),
                    rack: r.rack.clone(),
                    fenced: r.fenced,
                    log_dirs: r.log_dirs.clone(),
                    features: r.features.clone(),
                };
                Arc::make_mut(&mut self.brokers).insert(r.broker_id, broker);
            }
            MetadataRecord::UnregisterBroker { broker_id, .. } => {
                Arc::make_mut(&mut self.brokers).remove(broker_id);
            }
            MetadataRecord::BrokerRegistrationChange {
                broker_id,
                fenced,
                log_dirs,
                ..
            } => {
                if let Some(broker) = Arc::make_mut(&mut self.brokers).get_mut(broker_id) {
                    match fenced {
                        1 => broker.fenced = true,
                        -1 => broker.fenced = false,
                        _ => {}
                    }
                    if !log_dirs.is_empty() {
                        broker.log_dirs.clone_from(log_dirs);
                    }
                }
            }
            MetadataRecord::FeatureLevel { name, level } => {
                let features = Arc::make_mut(&mut self.features);
                match level {
                    0 => features.remove(name),
                    level => features.insert(name.clone(), *level),
                };
            }
            MetadataRecord::ProducerIds { next_producer_id, .. } => self.next_producer_id = *next_producer_id,
            MetadataRecord::ClientQuota { entity, key, value } => self.set_quota(entity, key, *value),
            MetadataRecord::BeginTransaction { .. }
            | MetadataRecord::EndTransaction
            | MetadataRecord::AbortTransaction
            | MetadataRecord::NoOp => {}
            MetadataRecord::Other(bytes) => Arc::make_mut(&mut self.others).push(bytes.clone()),
            security => self.apply_security(security),
        }
    }

    /// Who may log in and do what.
    fn apply_security(&mut self, record: &MetadataRecord) {
        match record {
            MetadataRecord::UserScramCredential(c) => {
                Arc::make_mut(&mut self.scram).insert((c.name.clone(), c.mechanism), c.clone());
            }
            MetadataRecord::RemoveUserScramCredential { name, mechanism } => {
                Arc::make_mut(&mut self.scram).remove(&(name.clone(), *mechanism));
            }
            MetadataRecord::AccessControlEntry { id, acl } => Arc::make_mut(&mut self.acls).add(*id, acl.clone()),
            MetadataRecord::RemoveAccessControlEntry { id } => Arc::make_mut(&mut self.acls).remove(*id),
            MetadataRecord::DelegationToken(t) => {
                Arc::make_mut(&mut self.tokens).insert(t.token_id.clone(), t.clone());
            }
            MetadataRecord::RemoveDelegationToken { token_id } => {
                Arc::make_mut(&mut self.tokens).remove(token_id);
            }
            _ => {}
        }
    }

    fn add_topic(&mut self, name: &str, id: Uuid) {
        let name: Arc<str> = name.into();
        Arc::make_mut(&mut self.topic_names).insert(id, name.clone());
        let topic = TopicImage {
            name: name.clone(),
            id,
            partitions: Vec::new(),
        };
        Arc::make_mut(&mut self.topics).insert(name, Arc::new(topic));
    }

    /// A topic's configs go with it.
    fn remove_topic(&mut self, id: Uuid) {
        if let Some(name) = Arc::make_mut(&mut self.topic_names).remove(&id) {
            Arc::make_mut(&mut self.topics).remove(&name);
            Arc::make_mut(&mut self.configs).remove(&(resource_type::TOPIC, name.to_string()));
        }
    }

    fn with_topic(&mut self, id: Uuid, change: impl FnOnce(&mut TopicImage)) {
        if let Some(name) = self.topic_names.get(&id)
            && let Some(topic) = Arc::make_mut(&mut self.topics).get_mut(name)
        {
            change(Arc::make_mut(topic));
        }
    }

    fn set_config(&mut self, resource: (i8, String), name: &str, value: Option<&str>) {
        let configs = Arc::make_mut(&mut self.configs);
        let props = configs.entry(resource.clone()).or_default();
        match value {
            Some(value) => props.insert(name.to_owned(), value.to_owned()),
            None => props.remove(name),
        };
        if props.is_empty() {
            configs.remove(&resource);
        }
    }

    fn set_quota(&mut self, entity: &QuotaEntity, key: &str, value: Option<f64>) {
        let quotas = Arc::make_mut(&mut self.client_quotas);
        let entity = normalized(entity);
        let values = quotas.entry(entity.clone()).or_default();
        match value {
            Some(value) => values.insert(key.to_owned(), value),
            None => values.remove(key),
        };
        if values.is_empty() {
            quotas.remove(&entity);
        }
    }
}

/// An entity with its parts in order, so that it is found however it was written.
pub fn normalized(entity: &QuotaEntity) -> QuotaEntity {
    let mut entity = entity.clone();
    entity.sort();
    entity
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(id: i32, topic_id: Uuid) -> MetadataRecord {
        MetadataRecord::Partition(PartitionRecord {
            partition_id: id,
            topic_id,
            replicas: vec![1],
            isr: vec![1],
            removing_replicas: vec![],
            adding_replicas: vec![],
            leader: 1,
            leader_epoch: 0,
            partition_epoch: 0,
            directories: vec![],
            eligible_leader_replicas: vec![],
            last_known_elr: vec![],
        })
    }

    #[test]
    fn a_removed_topic_takes_its_configs_along() {
        let id = Uuid::from_u128(3);
        let mut image = MetadataImage::default();
        let config = |value: Option<&str>| MetadataRecord::Config {
            resource_type: resource_type::TOPIC,
            resource_name: "t".into(),
            name: "retention.ms".into(),
            value: value.map(str::to_owned),
        };
        image.apply(&MetadataRecord::Topic {
            name: "t".into(),
            topic_id: id,
        });
        image.apply(&partition(0, id));
        image.apply(&partition(1, id));
        image.apply(&config(Some("5")));
        let before = image.clone();
        assert_eq!(image.topic_by_id(id).unwrap().partitions.len(), 2);
        image.apply(&MetadataRecord::RemoveTopic { topic_id: id });
        assert!(image.topic("t").is_none() && image.config(resource_type::TOPIC, "t").is_none());
        assert!(before.topic("t").is_some(), "an image in use does not change");
    }

    #[test]
    fn a_change_of_leader_raises_the_leader_epoch() {
        let id = Uuid::from_u128(3);
        let mut image = MetadataImage::default();
        image.apply(&MetadataRecord::Topic {
            name: "t".into(),
            topic_id: id,
        });
        image.apply(&partition(0, id));
        let change = PartitionChange {
            topic_id: id,
            leader: Some(-1),
            isr: Some(vec![1]),
            ..Default::default()
        };
        image.apply(&MetadataRecord::PartitionChange(change));
        let p = image.partition("t", 0).unwrap();
        assert_eq!((p.leader, p.leader_epoch, p.partition_epoch), (-1, 1, 1));
        image.apply(&partition(9, id));
        assert_eq!(image.topic("t").unwrap().partitions.len(), 1, "no holes");
    }
}
