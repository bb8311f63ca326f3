//! Configurations of topics, brokers, groups and whatever else has them (KIP-226, KIP-339, KIP-1142).

use indexmap::IndexMap;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsSynonym};
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::{DescribeConfigsRequest, IncrementalAlterConfigsRequest, ListConfigResourcesRequest};

use super::*;

/// Kafka: `ConfigResource.Type`, by its number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i8)]
pub enum ResourceType {
    Topic = 2,
    Broker = 4,
    BrokerLogger = 8,
    ClientMetrics = 16,
    Group = 32,
}

impl ResourceType {
    pub const ALL: [ResourceType; 5] = [
        Self::Topic,
        Self::Broker,
        Self::BrokerLogger,
        Self::ClientMetrics,
        Self::Group,
    ];

    /// The name in Kafka's enum, `BROKER_LOGGER`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Topic => "TOPIC",
            Self::Broker => "BROKER",
            Self::BrokerLogger => "BROKER_LOGGER",
            Self::ClientMetrics => "CLIENT_METRICS",
            Self::Group => "GROUP",
        }
    }

    fn from_code(code: i8) -> Option<Self> {
        Self::ALL.into_iter().find(|t| *t as i8 == code)
    }
}

/// Kafka: `ConfigResource`. An empty broker name means the cluster-wide default.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConfigResource {
    pub resource_type: ResourceType,
    pub name: String,
}

impl ConfigResource {
    pub fn new(resource_type: ResourceType, name: impl Into<String>) -> Self {
        Self {
            resource_type,
            name: name.into(),
        }
    }

    /// The one broker that answers for this resource, if there is such.
    fn node(&self) -> Option<i32> {
        match self.resource_type {
            ResourceType::Broker if self.name.is_empty() => None,
            ResourceType::Broker | ResourceType::BrokerLogger => self.name.parse().ok(),
            _ => None,
        }
    }
}

/// As Java prints one: `ConfigResource(type=TOPIC, name='t')`.
impl std::fmt::Display for ConfigResource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "ConfigResource(type={}, name='{}')",
            self.resource_type.name(),
            self.name
        )
    }
}

/// Kafka: `ConfigEntry`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    pub name: String,
    /// `None` for sensitive values.
    pub value: Option<String>,
    pub source: ConfigSource,
    pub is_sensitive: bool,
    pub is_read_only: bool,
    /// In order of precedence; empty unless asked for.
    pub synonyms: Vec<ConfigSynonym>,
    /// Kafka's `ConfigType`: 1 BOOLEAN, 2 STRING, 3 INT, 4 SHORT, 5 LONG, 6 DOUBLE, 7 LIST, 8 CLASS, 9 PASSWORD.
    pub config_type: i8,
    pub documentation: Option<String>,
}

impl ConfigEntry {
    /// Kafka's `isDefault()`.
    pub fn is_default(&self) -> bool {
        self.source == ConfigSource::DefaultConfig
    }
}

/// Kafka: `ConfigEntry.ConfigSynonym`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSynonym {
    pub name: String,
    pub value: Option<String>,
    pub source: ConfigSource,
}

/// Kafka: `ConfigEntry.ConfigSource`, by its number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i8)]
pub enum ConfigSource {
    Unknown = 0,
    DynamicTopicConfig = 1,
    DynamicBrokerConfig = 2,
    DynamicDefaultBrokerConfig = 3,
    StaticBrokerConfig = 4,
    DefaultConfig = 5,
    DynamicBrokerLoggerConfig = 6,
    DynamicClientMetricsConfig = 7,
    DynamicGroupConfig = 8,
}

impl ConfigSource {
    const ALL: [ConfigSource; 9] = [
        Self::Unknown,
        Self::DynamicTopicConfig,
        Self::DynamicBrokerConfig,
        Self::DynamicDefaultBrokerConfig,
        Self::StaticBrokerConfig,
        Self::DefaultConfig,
        Self::DynamicBrokerLoggerConfig,
        Self::DynamicClientMetricsConfig,
        Self::DynamicGroupConfig,
    ];

    /// The name in Kafka's enum, which the configs tool prints: `DYNAMIC_TOPIC_CONFIG`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::DynamicTopicConfig => "DYNAMIC_TOPIC_CONFIG",
            Self::DynamicBrokerConfig => "DYNAMIC_BROKER_CONFIG",
            Self::DynamicDefaultBrokerConfig => "DYNAMIC_DEFAULT_BROKER_CONFIG",
            Self::StaticBrokerConfig => "STATIC_BROKER_CONFIG",
            Self::DefaultConfig => "DEFAULT_CONFIG",
            Self::DynamicBrokerLoggerConfig => "DYNAMIC_BROKER_LOGGER_CONFIG",
            Self::DynamicClientMetricsConfig => "DYNAMIC_CLIENT_METRICS_CONFIG",
            Self::DynamicGroupConfig => "DYNAMIC_GROUP_CONFIG",
        }
    }

    fn from_code(code: i8) -> Self {
        Self::ALL
            .into_iter()
            .find(|s| *s as i8 == code)
            .unwrap_or(Self::Unknown)
    }
}

/// Kafka: `DescribeConfigsOptions`.
#[derive(Clone, Copy, Debug, Default)]
pub struct DescribeConfigsOptions {
    pub include_synonyms: bool,
    pub include_documentation: bool,
}

/// Kafka: `AlterConfigOp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterConfigOp {
    pub op: OpType,
    pub name: String,
    /// Not used by `Delete`.
    pub value: Option<String>,
}

/// Kafka: `AlterConfigOp.OpType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum OpType {
    Set = 0,
    Delete = 1,
    /// Adds items to a list value.
    Append = 2,
    /// Takes items from a list value.
    Subtract = 3,
}

impl AlterConfigOp {
    pub fn set(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            op: OpType::Set,
            name: name.into(),
            value: Some(value.into()),
        }
    }

    pub fn delete(name: impl Into<String>) -> Self {
        Self {
            op: OpType::Delete,
            name: name.into(),
            value: None,
        }
    }
}

impl Admin {
    /// Kafka: `describeConfigs`. Brokers answer for themselves, all at the same time; any broker for the rest.
    pub async fn describe_configs(
        &self,
        resources: &[ConfigResource],
        options: DescribeConfigsOptions,
    ) -> Items<ConfigResource, Vec<ConfigEntry>> {
        let groups = self.by_node(resources, ConfigResource::node);
        let asks = groups
            .into_iter()
            .map(|(target, group)| self.describe_configs_at(target, group, options));
        in_order(
            resources,
            futures::future::join_all(asks).await.into_iter().flatten().collect(),
        )
    }

    async fn describe_configs_at(
        &self,
        target: Target,
        resources: Vec<ConfigResource>,
        options: DescribeConfigsOptions,
    ) -> Items<ConfigResource, Vec<ConfigEntry>> {
        let make = |version: i16| {
            let resource = |r: &ConfigResource| {
                DescribeConfigsResource::default()
                    .with_resource_type(r.resource_type as i8)
                    .with_resource_name(text(&r.name))
                    .with_configuration_keys(None)
            };
            DescribeConfigsRequest::default()
                .with_resources(resources.iter().map(resource).collect())
                .with_include_synonyms(options.include_synonyms)
                .with_include_documentation(options.include_documentation && version >= 3)
        };
        let answer = match self.request("describeConfigs", target, make, |_| Verdict::Done).await {
            Ok(answer) => answer,
            Err(e) => return resources.into_iter().map(|r| (r, Err(e.clone()))).collect(),
        };
        let item = |result: &kafka_protocol::messages::describe_configs_response::DescribeConfigsResult| {
            let resource_type = ResourceType::from_code(result.resource_type)?;
            let outcome = ApiError::check(result.error_code, result.error_message.as_deref());
            let entries = outcome.map(|()| result.configs.iter().map(config_entry).collect());
            Some((
                ConfigResource::new(resource_type, result.resource_name.to_string()),
                entries,
            ))
        };
        answer.results.iter().filter_map(item).collect()
    }

    /// Kafka: `incrementalAlterConfigs`.
    pub async fn incremental_alter_configs(
        &self,
        changes: &[(ConfigResource, Vec<AlterConfigOp>)],
        validate_only: bool,
    ) -> Items<ConfigResource, ()> {
        let resources: Vec<ConfigResource> = changes.iter().map(|(r, _)| r.clone()).collect();
        let to_controllers = self.uses_controllers();
        let groups = self.by_node(&resources, |r| match r.resource_type {
            ResourceType::BrokerLogger => r.node(),
            _ if to_controllers => None,
            _ => r.node(),
        });
        let asks = groups.into_iter().map(|(target, group)| async move {
            let mine: Vec<_> = changes.iter().filter(|(r, _)| group.contains(r)).collect();
            let make = |_| {
                IncrementalAlterConfigsRequest::default()
                    .with_resources(mine.iter().map(|(r, ops)| alter_resource(r, ops)).collect())
                    .with_validate_only(validate_only)
            };
            let judge = |r: &kafka_protocol::messages::IncrementalAlterConfigsResponse| {
                judge_codes(r.responses.iter().map(|item| item.error_code))
            };
            match self.request("incrementalAlterConfigs", target, make, judge).await {
                Err(e) => group.into_iter().map(|r| (r, Err(e.clone()))).collect::<Items<_, _>>(),
                Ok(answer) => answer
                    .responses
                    .iter()
                    .filter_map(|item| {
                        let resource_type = ResourceType::from_code(item.resource_type)?;
                        let outcome = ApiError::check(item.error_code, item.error_message.as_deref());
                        Some((
                            ConfigResource::new(resource_type, item.resource_name.to_string()),
                            outcome,
                        ))
                    })
                    .collect(),
            }
        });
        let answers = futures::future::join_all(asks).await.into_iter().flatten().collect();
        in_order(&resources, answers)
    }

    /// Kafka: `listConfigResources` (KIP-1142): what has a configuration of its own. No types means all of them.
    ///
    /// # Errors
    /// Those of every call; brokers before 4.1 only list client metrics.
    pub async fn list_config_resources(&self, types: &[ResourceType]) -> Result<Vec<ConfigResource>, AdminError> {
        let make = |version: i16| {
            let wanted = if version >= 1 {
                types.iter().map(|t| *t as i8).collect()
            } else {
                Vec::new()
            };
            ListConfigResourcesRequest::default().with_resource_types(wanted)
        };
        let judge = |r: &kafka_protocol::messages::ListConfigResourcesResponse| Verdict::of_code(r.error_code);
        let answer = self.request("listConfigResources", Target::Any, make, judge).await?;
        ApiError::check(answer.error_code, None)?;
        let resource = |r: &kafka_protocol::messages::list_config_resources_response::ConfigResource| {
            Some(ConfigResource::new(
                ResourceType::from_code(r.resource_type)?,
                r.resource_name.to_string(),
            ))
        };
        Ok(answer.config_resources.iter().filter_map(resource).collect())
    }

    /// Resources by who has to be asked for them.
    fn by_node(
        &self,
        resources: &[ConfigResource],
        node: impl Fn(&ConfigResource) -> Option<i32>,
    ) -> Vec<(Target, Vec<ConfigResource>)> {
        let mut groups: IndexMap<Option<i32>, Vec<ConfigResource>> = IndexMap::new();
        for resource in resources {
            let group = groups.entry(node(resource)).or_default();
            if !group.contains(resource) {
                group.push(resource.clone());
            }
        }
        let target = |id: Option<i32>| id.map_or(self.any_or_controller(), Target::Node);
        groups.into_iter().map(|(id, group)| (target(id), group)).collect()
    }
}

fn in_order<V>(resources: &[ConfigResource], mut answers: Items<ConfigResource, V>) -> Items<ConfigResource, V> {
    resources.iter().map(|r| take(&mut answers, r)).collect()
}

fn alter_resource(resource: &ConfigResource, ops: &[AlterConfigOp]) -> AlterConfigsResource {
    let config = |op: &AlterConfigOp| {
        AlterableConfig::default()
            .with_name(text(&op.name))
            .with_config_operation(op.op as i8)
            .with_value(op.value.as_deref().map(text))
    };
    AlterConfigsResource::default()
        .with_resource_type(resource.resource_type as i8)
        .with_resource_name(text(&resource.name))
        .with_configs(ops.iter().map(config).collect())
}

fn config_entry(entry: &DescribeConfigsResourceResult) -> ConfigEntry {
    let synonym = |s: &DescribeConfigsSynonym| ConfigSynonym {
        name: s.name.to_string(),
        value: s.value.as_ref().map(|v| v.to_string()),
        source: ConfigSource::from_code(s.source),
    };
    ConfigEntry {
        name: entry.name.to_string(),
        value: entry.value.as_ref().map(|v| v.to_string()),
        source: ConfigSource::from_code(entry.config_source),
        is_sensitive: entry.is_sensitive,
        is_read_only: entry.read_only,
        synonyms: entry.synonyms.iter().map(synonym).collect(),
        config_type: entry.config_type,
        documentation: entry.documentation.as_ref().map(|d| d.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_real_brokers_and_an_unknown_topics_configs() {
        let Some(admin) = live::admin().await else { return };
        let node = admin
            .describe_cluster(DescribeClusterOptions::default())
            .await
            .unwrap()
            .nodes[0]
            .id;
        let resources = [
            ConfigResource::new(ResourceType::Topic, "no-such-topic"),
            ConfigResource::new(ResourceType::Broker, node.to_string()),
        ];
        let options = DescribeConfigsOptions {
            include_synonyms: true,
            include_documentation: false,
        };
        let items = admin.describe_configs(&resources, options).await;
        assert_eq!(
            items[0].1.as_ref().unwrap_err().code,
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        );
        let entries = items[1].1.as_ref().unwrap();
        let node_id = entries.iter().find(|e| e.name == "node.id").unwrap();
        assert_eq!(node_id.value.as_deref(), Some(node.to_string().as_str()));
        assert_eq!(node_id.source, ConfigSource::StaticBrokerConfig);
    }
}
