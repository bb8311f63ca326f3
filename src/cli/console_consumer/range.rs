//! Beyond the script: from where to where to read, when `--stop-at-end`, `--from-time` or `--until-time` say so.

use std::collections::HashMap;

use chrono::Utc;

use super::options::Start;
use crate::TopicPartition;
use crate::cli::compat::java_regex::JavaRegex;
use crate::cli::compat::time::parse_time;
use crate::cli::{CliError, CliResult, Parsed};
use crate::client::admin::{Admin, IsolationLevel, OffsetSpec};
use crate::client::consume::Position;
use crate::client::props::Properties;
use crate::client::{ApiError, Bootstrap, ConnectConfig};

/// What is read: partitions with their starts, and where each ends.
#[derive(Debug, Default)]
pub struct Range {
    pub starts: Vec<(TopicPartition, Position)>,
    /// The first offset not wanted any more. A partition that is done is taken out.
    pub ends: HashMap<TopicPartition, i64>,
}

/// Times and ends asked for on the command line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    pub from_time: Option<i64>,
    pub until_time: Option<i64>,
    pub stop_at_end: bool,
}

impl Wanted {
    /// # Errors
    /// A time that cannot be read.
    pub fn of(options: &Parsed) -> CliResult<Self> {
        let now = Utc::now();
        let time = |name: &str| match options.value(name)? {
            Some(t) => parse_time(t, now)
                .map(Some)
                .map_err(|e| CliError::usage(format!("--{name}: {e}"))),
            None => Ok(None),
        };
        let (from_time, until_time) = (time("from-time")?, time("until-time")?);
        Ok(Self {
            from_time,
            until_time,
            stop_at_end: options.has("stop-at-end") || until_time.is_some(),
        })
    }

    pub fn any(&self) -> bool {
        self.from_time.is_some() || self.stop_at_end
    }
}

/// Settles starts and ends, by what the partitions' leaders say now.
///
/// # Errors
/// A leader that does not answer, a topic that is not there.
pub async fn settle(props: &Properties, options: &Parsed, wanted: Wanted, start: Start) -> CliResult<Range> {
    let failed = |e: ApiError| CliError::failed(e.text());
    let bootstrap = Bootstrap::Servers(props.get("bootstrap.servers").unwrap_or_default().to_string());
    let admin = Admin::connect(&ConnectConfig {
        bootstrap,
        props: props.clone(),
    })
    .await
    .map_err(failed)?;
    let partitions = partitions(&admin, options).await?;
    let isolation = match props.get("isolation.level") {
        Some("read_committed") => IsolationLevel::ReadCommitted,
        _ => IsolationLevel::ReadUncommitted,
    };
    let ask = async |spec: OffsetSpec| -> CliResult<Vec<(TopicPartition, i64)>> {
        let wanted: Vec<_> = partitions.iter().map(|tp| (tp.clone(), spec)).collect();
        let answers = admin.list_offsets(&wanted, isolation).await;
        answers
            .into_iter()
            .map(|(tp, r)| r.map(|o| (tp, o.offset)).map_err(failed))
            .collect()
    };
    let latest = ask(OffsetSpec::Latest).await?;
    let mut range = Range::default();
    if wanted.stop_at_end {
        range.ends = latest.iter().cloned().collect();
    }
    range.starts = match (wanted.from_time, start) {
        (Some(ms), _) => {
            let ends: HashMap<_, _> = latest.into_iter().collect();
            let found = ask(OffsetSpec::Timestamp(ms)).await?;
            let after_all = |tp: &TopicPartition| ends.get(tp).copied().unwrap_or(0);
            found
                .into_iter()
                .map(|(tp, o)| (tp.clone(), Position::Offset(if o < 0 { after_all(&tp) } else { o })))
                .collect()
        }
        (None, Start::Offset(n)) => partitions.iter().map(|tp| (tp.clone(), Position::Offset(n))).collect(),
        // reading up to the end from the end would show nothing: an end alone means "all there is"
        (None, _) => ask(OffsetSpec::Earliest)
            .await?
            .into_iter()
            .map(|(tp, o)| (tp, Position::Offset(o)))
            .collect(),
    };
    // a partition that has nothing between its start and its end is done
    for (tp, start) in &range.starts {
        if let (Position::Offset(s), Some(end)) = (start, range.ends.get(tp))
            && s >= end
        {
            range.ends.remove(tp);
        }
    }
    Ok(range)
}

async fn partitions(admin: &Admin, options: &Parsed) -> CliResult<Vec<TopicPartition>> {
    let failed = |e: ApiError| CliError::failed(e.text());
    let topics: Vec<String> = match (options.value("topic")?, options.value("include")?) {
        (Some(t), _) => vec![t.to_string()],
        (None, pattern) => {
            let regex = JavaRegex::new(pattern.unwrap_or_default()).map_err(CliError::usage)?;
            let all = admin.list_topics(false).await.map_err(failed)?;
            all.into_iter().map(|t| t.name).filter(|n| regex.matches(n)).collect()
        }
    };
    let only: Option<i32> = options.parsed("partition")?;
    let mut found = Vec::new();
    for (name, description) in admin.describe_topics(&topics, false).await {
        for p in description.map_err(failed)?.partitions {
            if only.is_none_or(|n| n == p.partition) {
                found.push(TopicPartition::new(name.as_str(), p.partition));
            }
        }
    }
    match only {
        Some(n) if found.is_empty() => Err(CliError::failed(format!(
            "topic {} has no partition {n}",
            topics.join(", ")
        ))),
        _ => Ok(found),
    }
}
