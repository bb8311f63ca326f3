//! The cluster as groups see it: its topics, and those of them that a principal may know of.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use uuid::Uuid;

/// What a group needs to know of the cluster around it.
pub trait ClusterView: std::fmt::Debug + Send + Sync {
    /// Id and number of partitions.
    fn topic(&self, name: &str) -> Option<(Uuid, i32)>;
    fn names(&self) -> Vec<String>;

    /// A setting of one group (`kafka-configs --entity-type groups`), where it has one of its own.
    fn group_setting(&self, group_id: &str, name: &str) -> Option<i32>;

    /// Another one when topics have come or gone; `None` where that is not known.
    fn topics_mark(&self) -> Option<TopicsMark> {
        None
    }

    /// Whether the principal of a request may know of a topic, which matters where it does not name topics itself.
    fn may_see(&self, _topic: &str) -> bool {
        true
    }
}

/// Stands for the topics of one moment, and does not keep them.
#[derive(Debug, Clone)]
pub struct TopicsMark(Weak<HashMap<Uuid, Arc<str>>>);

impl TopicsMark {
    pub fn of(topics: &Arc<HashMap<Uuid, Arc<str>>>) -> Self {
        Self(Arc::downgrade(topics))
    }
}

impl PartialEq for TopicsMark {
    fn eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

/// Tells which topics a principal may describe.
pub type Sight<'a> = &'a (dyn Fn(&str) -> bool + Send + Sync);

pub const ALL_TOPICS: Sight<'static> = &|_| true;

/// The cluster as a principal sees it.
pub struct SeenBy<'a> {
    pub cluster: &'a dyn ClusterView,
    pub sight: Sight<'a>,
}

impl std::fmt::Debug for SeenBy<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeenBy")
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

impl ClusterView for SeenBy<'_> {
    fn topic(&self, name: &str) -> Option<(Uuid, i32)> {
        self.cluster.topic(name)
    }

    fn names(&self) -> Vec<String> {
        self.cluster.names()
    }

    fn group_setting(&self, group_id: &str, name: &str) -> Option<i32> {
        self.cluster.group_setting(group_id, name)
    }

    fn topics_mark(&self) -> Option<TopicsMark> {
        self.cluster.topics_mark()
    }

    fn may_see(&self, topic: &str) -> bool {
        (self.sight)(topic)
    }
}

/// A cluster without topics and settings.
#[derive(Debug)]
pub struct EmptyCluster;

impl ClusterView for EmptyCluster {
    fn topic(&self, _: &str) -> Option<(Uuid, i32)> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn group_setting(&self, _: &str, _: &str) -> Option<i32> {
        None
    }
}
