//! The cluster itself: its nodes, its controller, what its nodes speak (KIP-700, KIP-919, KIP-1073).

use crate::wire::api::ApiKey;
use kafka_protocol::messages::{DescribeClusterRequest, MetadataRequest};
use kafka_protocol::protocol::VersionRange;

use super::*;

/// Kafka: `DescribeClusterResult`.
#[derive(Clone, Debug)]
pub struct ClusterDescription {
    pub cluster_id: Option<String>,
    pub controller: Option<Node>,
    /// Sorted by id.
    pub nodes: Vec<Node>,
    /// A set of bits by `AclOperation`, `i32::MIN` if not asked for.
    pub authorized_operations: i32,
}

/// Kafka: `DescribeClusterOptions`.
#[derive(Clone, Copy, Debug, Default)]
pub struct DescribeClusterOptions {
    pub include_authorized_operations: bool,
    /// Also brokers that are registered but not serving (KIP-1073).
    pub include_fenced_brokers: bool,
}

impl Admin {
    /// Kafka: `describeCluster`.
    ///
    /// # Errors
    /// Those of every call; `UNSUPPORTED_VERSION` if fenced brokers are asked for and the broker cannot tell.
    pub async fn describe_cluster(&self, options: DescribeClusterOptions) -> Result<ClusterDescription, AdminError> {
        let spec = self.spec("listNodes", self.any_or_controller());
        let endpoint_type: i8 = if self.uses_controllers() { 2 } else { 1 };
        let make = |version: i16| {
            DescribeClusterRequest::default()
                .with_include_cluster_authorized_operations(options.include_authorized_operations)
                .with_endpoint_type(if version >= 1 { endpoint_type } else { 1 })
                .with_include_fenced_brokers(options.include_fenced_brokers)
        };
        let answer = match self.cluster.call(spec, make, |r| Verdict::of_code(r.error_code)).await {
            Ok(answer) => answer,
            Err(e) if e.code == ErrorCode::UNSUPPORTED_VERSION && !options.include_fenced_brokers => {
                return self.describe_cluster_by_metadata(options).await;
            }
            Err(e) => return Err(e),
        };
        ApiError::check(answer.error_code, answer.error_message.as_deref())?;
        let mut nodes: Vec<Node> = answer.brokers.iter().map(Node::from_describe_cluster).collect();
        nodes.sort_by_key(|n| n.id);
        Ok(ClusterDescription {
            cluster_id: Some(answer.cluster_id.to_string()),
            controller: nodes.iter().find(|n| n.id == answer.controller_id.0).cloned(),
            nodes,
            authorized_operations: answer.cluster_authorized_operations,
        })
    }

    /// What brokers before DescribeCluster can tell.
    async fn describe_cluster_by_metadata(
        &self,
        options: DescribeClusterOptions,
    ) -> Result<ClusterDescription, AdminError> {
        let make = |version| {
            let operations = options.include_authorized_operations && (8..=10).contains(&version);
            MetadataRequest::default()
                .with_topics(Some(Vec::new()))
                .with_include_cluster_authorized_operations(operations)
        };
        let answer = self.request("listNodes", Target::Any, make, |_| Verdict::Done).await?;
        let mut nodes: Vec<Node> = answer.brokers.iter().map(Node::from_metadata).collect();
        nodes.sort_by_key(|n| n.id);
        Ok(ClusterDescription {
            cluster_id: answer.cluster_id.map(|id| id.to_string()),
            controller: nodes.iter().find(|n| n.id == answer.controller_id.0).cloned(),
            nodes,
            authorized_operations: answer.cluster_authorized_operations,
        })
    }

    /// Every node's supported API versions, by node; asked of all nodes at the same time. Keys are API numbers: a node
    /// may know more of them than this build.
    ///
    /// # Errors
    /// If no node list can be had. A node that cannot be reached is a failed item.
    pub async fn api_versions(&self) -> Result<Items<Node, Vec<(i16, VersionRange)>>, AdminError> {
        let spec = self.spec("apiVersions", Target::Any);
        let nodes: Vec<Node> = self.view(&spec).await?.nodes.values().cloned().collect();
        let ask = |node: Node| async move {
            let spec = CallSpec {
                target: Target::Node(node.id),
                ..spec
            };
            let versions = self.cluster.connection_to(&spec).await.map(|conn| {
                let mut all: Vec<_> = conn.versions().iter().map(|(&key, &range)| (key, range)).collect();
                all.sort_by_key(|(key, _)| *key);
                all
            });
            (node, versions)
        };
        Ok(futures::future::join_all(nodes.into_iter().map(ask)).await)
    }

    /// Whether some broker understands `key` at all.
    ///
    /// # Errors
    /// If no broker can be reached.
    pub async fn supports(&self, key: ApiKey) -> Result<bool, AdminError> {
        let conn = self
            .cluster
            .connection_to(&self.spec("apiVersions", Target::Any))
            .await?;
        Ok(conn.versions().contains_key(&(key as i16)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_real_cluster_describes_itself() {
        let Some(admin) = live::admin().await else { return };
        let cluster = admin.describe_cluster(DescribeClusterOptions::default()).await.unwrap();
        assert!(cluster.cluster_id.is_some() && !cluster.nodes.is_empty());
        let versions = admin.api_versions().await.unwrap();
        assert_eq!(versions.len(), cluster.nodes.len());
        assert!(
            versions
                .iter()
                .all(|(_, v)| v.as_ref().is_ok_and(|v| v.iter().any(|(key, _)| *key == 18)))
        );
    }
}
