//! DescribeConfigs (32), v1-4: topics, brokers, the default of all brokers, loggers, groups, client metrics; with
//! synonyms (KIP-226) and documentation (KIP-569).

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};

use super::shared::text;
use crate::broker::config::describe::{self, Entry, Source};
use crate::broker::loggers;
use crate::broker::metadata::image::resource_type::{BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, TOPIC};
use crate::broker::metadata::{ApiError, names};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let answer = |resource: &DescribeConfigsResource| {
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        match entries(cx, resource) {
            Ok(entries) => {
                let keys = resource.configuration_keys.as_deref().unwrap_or_default();
                let wanted = |e: &Entry| keys.is_empty() || keys.iter().any(|k| k.as_str() == e.name);
                let rows = entries.into_iter().filter(wanted).map(|e| row(&req, e));
                result.with_configs(rows.collect()).with_error_message(None)
            }
            Err(e) => {
                // Only refusals have their code's own text here.
                let denied = cx.node.authorizer().is_some() && is_denial(e.code);
                let message = if denied {
                    e.text()
                } else {
                    e.message.unwrap_or_default()
                };
                result
                    .with_error_code(e.code.code())
                    .with_error_message(Some(text(&message)))
            }
        }
    };
    DescribeConfigsResponse::default().with_results(req.resources.iter().map(answer).collect())
}

fn is_denial(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::TOPIC_AUTHORIZATION_FAILED
            | ErrorCode::GROUP_AUTHORIZATION_FAILED
            | ErrorCode::CLUSTER_AUTHORIZATION_FAILED
    )
}

fn row(req: &DescribeConfigsRequest, entry: Entry) -> DescribeConfigsResourceResult {
    let synonym = |s: &describe::Synonym| {
        DescribeConfigsSynonym::default()
            .with_name(text(&s.name))
            .with_value(s.value.as_deref().map(text))
            .with_source(s.source as i8)
    };
    let synonyms = if req.include_synonyms {
        entry.synonyms.iter().map(synonym).collect()
    } else {
        Vec::new()
    };
    DescribeConfigsResourceResult::default()
        .with_name(text(&entry.name))
        .with_value(entry.value.as_deref().map(text))
        .with_read_only(entry.is_read_only)
        .with_config_source(entry.source as i8)
        .with_is_sensitive(entry.is_sensitive)
        .with_synonyms(synonyms)
        .with_config_type(entry.kind)
        .with_documentation(req.include_documentation.then(|| text(entry.doc)))
}

fn entries(cx: &RequestContext, resource: &DescribeConfigsResource) -> Result<Vec<Entry>, ApiError> {
    let (config, image) = (cx.node.config(), cx.image());
    let name = resource.resource_name.as_str();
    let refused = |why: String| Err(ApiError::new(ErrorCode::INVALID_REQUEST, why));
    match resource.resource_type {
        TOPIC => {
            cx.authorize(Operation::DescribeConfigs, Resource::Topic(name))?;
            names::validate(name)?;
            if image.topic(name).is_none() {
                return Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.into());
            }
            Ok(describe::topic(&config, image.config(TOPIC, name)))
        }
        GROUP => {
            cx.authorize(Operation::DescribeConfigs, Resource::Group(name))?;
            if name.is_empty() {
                return refused("Group name must not be empty".to_owned());
            }
            Ok(describe::group(&config, image.config(GROUP, name)))
        }
        kind => {
            cx.authorize(Operation::DescribeConfigs, Resource::Cluster)?;
            match kind {
                CLIENT_METRICS if name.is_empty() => {
                    refused("Client metrics subscription name must not be empty".to_owned())
                }
                CLIENT_METRICS => Ok(describe::client_metrics(image.config(CLIENT_METRICS, name))),
                BROKER if name.is_empty() => Ok(describe::default_broker(&config)),
                BROKER => {
                    check_broker_id(cx, name, " or empty string,")?;
                    Ok(describe::broker(&config))
                }
                BROKER_LOGGER if name.is_empty() => refused("Broker id must not be empty".to_owned()),
                BROKER_LOGGER => {
                    check_broker_id(cx, name, "")?;
                    let levels = loggers::all(&cx.node.loggers().lock());
                    Ok(levels.into_iter().map(|(name, level)| logger(name, level)).collect())
                }
                other => refused(format!("Unsupported resource type: {other}")),
            }
        }
    }
}

fn check_broker_id(cx: &RequestContext, name: &str, or: &str) -> Result<(), ApiError> {
    let refused = |why: String| Err(ApiError::new(ErrorCode::INVALID_REQUEST, why));
    match name.parse::<i32>() {
        Err(_) => refused(format!("Broker id must be an integer, but it is: {name}")),
        Ok(id) if id != cx.node.id() => refused(format!(
            "Unexpected broker id, expected {}{or} but received {name}",
            cx.node.id()
        )),
        Ok(_) => Ok(()),
    }
}

fn logger(name: String, level: String) -> Entry {
    Entry {
        name,
        value: Some(level),
        source: Source::BrokerLogger,
        is_read_only: false,
        is_sensitive: false,
        synonyms: Vec::new(),
        kind: 0,
        doc: "",
    }
}
