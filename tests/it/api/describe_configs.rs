//! DescribeConfigs (32).

use kafka_protocol::messages::DescribeConfigsRequest;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::protocol::StrBytes;

use crate::support::broker::AnyBroker;
use crate::support::wire::Wire;

/// Where the broker is, clients can read in its configuration: the port that it took, too.
#[test]
fn a_broker_tells_where_it_is() {
    const STATIC_BROKER_CONFIG: i8 = 4;
    let broker = AnyBroker::get();
    let resource = DescribeConfigsResource::default()
        .with_resource_type(4)
        .with_resource_name(StrBytes::from_static_str("1"))
        .with_configuration_keys(Some(vec![StrBytes::from_static_str("advertised.listeners")]));
    let request = DescribeConfigsRequest::default()
        .with_resources(vec![resource])
        .with_include_synonyms(true);
    let answer = Wire::connect(broker.bootstrap()).call(&request, 4);
    assert_eq!(answer.results[0].error_code, 0);
    let config = &answer.results[0].configs[0];
    let address = format!("PLAINTEXT://{}", broker.bootstrap());
    assert_eq!(config.value.as_deref(), Some(address.as_str()));
    let synonyms: Vec<_> = config.synonyms.iter().map(|s| (s.value.as_deref(), s.source)).collect();
    assert_eq!(synonyms, [(Some(address.as_str()), STATIC_BROKER_CONFIG)]);
}
