//! Which partitions of which topics (Kafka: `TopicPartitionFilter`, `PartitionFilter`).

use crate::TopicPartition;
use crate::cli::compat::java_regex::TopicFilter;

/// A partition is let through by any of the rules.
#[derive(Debug)]
pub(super) struct TopicPartitionFilter(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    topic: TopicFilter,
    partitions: Partitions,
}

#[derive(Debug)]
enum Partitions {
    /// Any of these; all if there are none.
    Set(Vec<i32>),
    /// From the first to before the last.
    Range(i32, i32),
}

impl Partitions {
    fn allows(&self, partition: i32) -> bool {
        match self {
            Self::Set(ids) => ids.is_empty() || ids.contains(&partition),
            Self::Range(from, to) => (*from..*to).contains(&partition),
        }
    }
}

impl TopicPartitionFilter {
    /// `--topic` and `--partitions`.
    ///
    /// # Errors
    /// Kafka's text for partitions that are no numbers or a topic that is no regular expression.
    pub(super) fn of_topic_and_partitions(topic: Option<&str>, partitions: Option<&str>) -> Result<Self, String> {
        let topic = TopicFilter::include(topic.unwrap_or(".*"))?;
        let ids = match partitions.filter(|p| !p.is_empty()) {
            None => Vec::new(),
            Some(list) => split(list).map(java_int).collect::<Option<_>>().ok_or_else(|| {
                format!("--partitions expects a comma separated list of numeric partition ids, but received: {list}")
            })?,
        };
        Ok(Self(vec![Rule {
            topic,
            partitions: Partitions::Set(ids),
        }]))
    }

    /// `--topic-partitions`: `TOPIC`, `TOPIC:N`, `TOPIC:FROM-TO`, each part optional, separated by commas.
    ///
    /// # Errors
    /// Kafka's text for a pattern that has another form.
    pub(super) fn of_patterns(patterns: &str) -> Result<Self, String> {
        split(patterns).map(rule).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn allows_topic(&self, topic: &str) -> bool {
        self.0.iter().any(|r| r.topic.allows(topic, false))
    }

    pub(super) fn allows(&self, tp: &TopicPartition) -> bool {
        self.0
            .iter()
            .any(|r| r.topic.allows(&tp.topic, false) && r.partitions.allows(tp.partition))
    }
}

/// Java's `split(",")`, which drops empty strings at the end.
fn split(list: &str) -> impl Iterator<Item = &str> {
    let kept = list.trim_end_matches(',');
    // an empty text has one empty part, a text of commas none
    let none = kept.is_empty() && !list.is_empty();
    kept.split(',').filter(move |_| !none)
}

/// Java's `Integer.parseInt`.
fn java_int(text: &str) -> Option<i32> {
    text.strip_prefix('+')
        .unwrap_or(text)
        .parse()
        .ok()
        .filter(|_| !text.starts_with("+-"))
}

fn rule(spec: &str) -> Result<Rule, String> {
    let invalid = || format!("org.apache.kafka.tools.TerseException: Invalid rule specification: {spec}");
    let (topic, partitions) = match spec.split_once(':') {
        Some((topic, partitions)) => (topic, partitions),
        None => (spec, ""),
    };
    let number = |text: &str, missing: i32| match text {
        "" => Ok(missing),
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().map_err(|_| format!("For input string: \"{digits}\""))
        }
        _ => Err(invalid()),
    };
    let partitions = match partitions.split_once('-') {
        None if partitions.is_empty() => Partitions::Range(0, i32::MAX),
        None => Partitions::Set(vec![number(partitions, 0)?]),
        Some((from, to)) => {
            // the form is checked before the numbers are read
            if to.contains('-') {
                return Err(invalid());
            }
            Partitions::Range(number(from, 0)?, number(to, i32::MAX)?)
        }
    };
    let topic = if topic.is_empty() { ".*" } else { topic };
    Ok(Rule {
        topic: TopicFilter::include(topic)?,
        partitions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(filter: &TopicPartitionFilter) -> String {
        let all = ["a", "ab", "c"]
            .iter()
            .flat_map(|t| (0..4).map(move |p| TopicPartition::new(*t, p)));
        all.filter(|tp| filter.allows(tp))
            .map(|tp| tp.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn patterns_choose_topics_and_partitions() {
        let read = |s: &str| TopicPartitionFilter::of_patterns(s).map(|f| chosen(&f));
        assert_eq!(read("a:1,c:-2").unwrap(), "a-1 c-0 c-1");
        assert_eq!(read("a.*:2-").unwrap(), "a-2 a-3 ab-2 ab-3");
        assert_eq!(read(":0-1,c:3").unwrap(), "a-0 ab-0 c-0 c-3");
        assert_eq!(read("c,").unwrap(), "c-0 c-1 c-2 c-3");
        assert_eq!(read(",").unwrap(), "");
        for bad in ["a:x", "a:1-2-3", "a:1:2"] {
            let text = format!("org.apache.kafka.tools.TerseException: Invalid rule specification: {bad}");
            assert_eq!(read(bad).unwrap_err(), text);
        }
    }

    #[test]
    fn a_topic_and_partitions() {
        let read = |t, p| TopicPartitionFilter::of_topic_and_partitions(t, p).map(|f| chosen(&f));
        assert_eq!(read(Some("a"), Some("0,2")).unwrap(), "a-0 a-2");
        assert_eq!(read(Some("a|c"), None).unwrap(), "a-0 a-1 a-2 a-3 c-0 c-1 c-2 c-3");
        assert!(read(None, Some("1,")).unwrap().starts_with("a-1 ab-1 c-1"));
        let text = "--partitions expects a comma separated list of numeric partition ids, but received: x";
        assert_eq!(read(None, Some("x")).unwrap_err(), text);
        assert_eq!(read(Some("a["), None).unwrap_err(), "a[ is an invalid regex.");
    }
}
