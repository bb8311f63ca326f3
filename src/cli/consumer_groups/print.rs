//! Kafka's own text of listings, descriptions and resets. Pure: values in, bytes out.

use std::io::{self, Write};

use super::describe::{Member, Row};
use super::reset::NewOffsets;
use crate::client::admin::{GroupDescription, GroupListing, GroupState};

/// A value, or `-` for a missing one.
fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_string(), |v| v.to_string())
}

/// Characters as Java counts them (UTF-16 units).
fn java_len(s: &str) -> usize {
    s.encode_utf16().count()
}

fn widest<'a>(least: usize, values: impl IntoIterator<Item = &'a str>) -> usize {
    values.into_iter().map(java_len).fold(least, usize::max)
}

/// `--list` with `--type` or `--state`.
pub(super) fn listings(
    out: &mut dyn Write,
    groups: &[GroupListing],
    with_type: bool,
    with_state: bool,
) -> io::Result<()> {
    let width = widest(15, groups.iter().map(|g| g.group_id.as_str())) + 10;
    let mut row = |group: &str, kind: &str, state: &str| {
        write!(out, "{group:width$}")?;
        if with_type {
            write!(out, " {kind:20}")?;
        }
        if with_state {
            write!(out, " {state:20}")?;
        }
        writeln!(out)
    };
    row("GROUP", "TYPE", "STATE")?;
    for g in groups {
        let kind = g.group_type.map_or("Unknown", |t| t.name());
        let state = g.state.map_or("Unknown", |s| s.name());
        row(&g.group_id, kind, state)?;
    }
    Ok(())
}

/// `--describe --offsets` of one group.
pub(super) fn offsets(out: &mut dyn Write, rows: &[Row], verbose: bool) -> io::Result<()> {
    let group_width = widest(15, rows.iter().map(|r| r.group.as_str()));
    let topic_width = widest(15, rows.iter().map(|r| &*r.tp.topic));
    let consumer_width = widest(15, rows.iter().map(|r| r.consumer_id()));
    let host_width = widest(15, rows.iter().map(|r| r.host()));
    let mut line = |cells: [&str; 10]| {
        let [
            group,
            topic,
            partition,
            epoch,
            current,
            end,
            lag,
            consumer,
            host,
            client,
        ] = cells;
        write!(out, "\n{group:group_width$} {topic:topic_width$} {partition:10} ")?;
        if verbose {
            write!(out, "{epoch:15} ")?;
        }
        write!(
            out,
            "{current:15} {end:15} {lag:15} {consumer:consumer_width$} {host:host_width$} {client}"
        )
    };
    line([
        "GROUP",
        "TOPIC",
        "PARTITION",
        "LEADER-EPOCH",
        "CURRENT-OFFSET",
        "LOG-END-OFFSET",
        "LAG",
        "CONSUMER-ID",
        "HOST",
        "CLIENT-ID",
    ])?;
    for r in rows {
        line([
            &r.group,
            &r.tp.topic,
            &r.tp.partition.to_string(),
            &or_dash(r.leader_epoch),
            &or_dash(r.offset),
            &or_dash(r.log_end),
            &or_dash(r.lag()),
            r.consumer_id(),
            r.host(),
            r.client_id(),
        ])?;
    }
    writeln!(out)
}

/// `--describe --members` of one group; without members the head alone.
pub(super) fn members(out: &mut dyn Write, group: &str, members: &[Member], verbose: bool) -> io::Result<()> {
    let column = |least: usize, value: fn(&Member) -> &str| widest(least, members.iter().map(value));
    let group_width = if members.is_empty() { 15 } else { widest(15, [group]) };
    let consumer_width = column(15, |m| &m.consumer_id);
    let instance_width = column(17, |m| &m.group_instance_id);
    let host_width = column(15, |m| &m.host);
    let client_width = column(15, |m| &m.client_id);
    let assignment_width = column(20, |m| &m.assignment);
    let target_width = column(20, |m| &m.target_assignment);
    let with_instance = members.iter().any(|m| !m.group_instance_id.is_empty());
    writeln!(out)?;
    let with_upgraded =
        members.iter().any(|m| m.upgraded == Some(true)) && members.iter().any(|m| m.upgraded == Some(false));
    let mut line = |cells: [&str; 11]| {
        let [
            group,
            consumer,
            instance,
            host,
            client,
            count,
            epoch,
            assignment,
            target_epoch,
            target,
            upgraded,
        ] = cells;
        write!(out, "{group:group_width$} {consumer:consumer_width$} ")?;
        if with_instance {
            write!(out, "{instance:instance_width$} ")?;
        }
        write!(out, "{host:host_width$} {client:client_width$} {count:15} ")?;
        if verbose {
            write!(
                out,
                "{epoch:15} {assignment:assignment_width$} {target_epoch:15} {target:target_width$}"
            )?;
            if with_upgraded {
                write!(out, " {upgraded}")?;
            }
        }
        writeln!(out)
    };
    line([
        "GROUP",
        "CONSUMER-ID",
        "GROUP-INSTANCE-ID",
        "HOST",
        "CLIENT-ID",
        "#PARTITIONS",
        "CURRENT-EPOCH",
        "CURRENT-ASSIGNMENT",
        "TARGET-EPOCH",
        "TARGET-ASSIGNMENT",
        "UPGRADED",
    ])?;
    for m in members {
        line([
            group,
            &m.consumer_id,
            &m.group_instance_id,
            &m.host,
            &m.client_id,
            &m.partitions.to_string(),
            &or_dash(m.current_epoch),
            &m.assignment,
            &or_dash(m.target_epoch),
            &m.target_assignment,
            &or_dash(m.upgraded),
        ])?;
    }
    Ok(())
}

/// `--describe --state` of one group.
pub(super) fn state(out: &mut dyn Write, g: &GroupDescription, verbose: bool) -> io::Result<()> {
    let coordinator = format!("{}:{}  ({})", g.coordinator.host, g.coordinator.port, g.coordinator.id);
    let (coordinator_width, group_width) = (widest(25, [coordinator.as_str()]), widest(15, [g.group_id.as_str()]));
    let mut line = |cells: [&str; 7]| {
        let [group, coordinator, strategy, state, epoch, target_epoch, members] = cells;
        write!(
            out,
            "\n{group:group_width$} {coordinator:coordinator_width$} {strategy:20} {state:20} "
        )?;
        if verbose {
            write!(out, "{epoch:15} {target_epoch:25} ")?;
        }
        write!(out, "{members}")
    };
    line([
        "GROUP",
        "COORDINATOR (ID)",
        "ASSIGNMENT-STRATEGY",
        "STATE",
        "GROUP-EPOCH",
        "TARGET-ASSIGNMENT-EPOCH",
        "#MEMBERS",
    ])?;
    let strategy = if g.partition_assignor.is_empty() {
        "-"
    } else {
        &g.partition_assignor
    };
    line([
        &g.group_id,
        &coordinator,
        strategy,
        g.state.name(),
        &or_dash(g.group_epoch),
        &or_dash(g.target_assignment_epoch),
        &g.members.len().to_string(),
    ])?;
    writeln!(out)
}

/// What Kafka says of a group's state before the table: on stderr, unless the state ends the command.
pub(super) fn state_note(group: &str, state: GroupState) -> Option<String> {
    match state {
        GroupState::Empty => Some(format!("\nConsumer group '{group}' has no active members.")),
        GroupState::PreparingRebalance
        | GroupState::CompletingRebalance
        | GroupState::Assigning
        | GroupState::Reconciling => Some(format!("\nWarning: Consumer group '{group}' is rebalancing.")),
        _ => None,
    }
}

/// Kafka's `OffsetsUtils.printOffsetsToReset`.
pub(super) fn new_offsets(out: &mut dyn Write, resets: &[NewOffsets]) -> io::Result<()> {
    let group_width = widest(15, resets.iter().map(|r| r.group.as_str()));
    let topics = resets.iter().flat_map(|r| r.offsets.iter().map(|(tp, _)| &*tp.topic));
    let topic_width = widest(15, topics);
    let mut line = |group: &str, topic: &str, partition: &str, offset: &str| {
        write!(
            out,
            "\n{group:group_width$} {topic:topic_width$} {partition:10} {offset}"
        )
    };
    if !resets.is_empty() {
        line("GROUP", "TOPIC", "PARTITION", "NEW-OFFSET")?;
    }
    for r in resets {
        for (tp, offset) in &r.offsets {
            line(&r.group, &tp.topic, &tp.partition.to_string(), &offset.to_string())?;
        }
    }
    writeln!(out)
}

/// The outcome of `--delete-offsets` by partition; -1 stands for a topic without partitions.
pub(super) fn deleted_offsets(out: &mut dyn Write, rows: &[(crate::TopicPartition, Option<String>)]) -> io::Result<()> {
    let width = widest(15, rows.iter().map(|(tp, _)| &*tp.topic));
    let mut line =
        |topic: &str, partition: &str, status: &str| write!(out, "\n{topic:width$} {partition:10} {status:15}");
    line("TOPIC", "PARTITION", "STATUS")?;
    for (tp, error) in rows {
        let partition = or_dash(Some(tp.partition).filter(|p| *p >= 0));
        let status = match error {
            Some(e) => format!("Error: {e}"),
            None => "Successful".to_string(),
        };
        line(&tp.topic, &partition, &status)?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TopicPartition;
    use crate::client::admin::{GroupType, Node};

    fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn row(partition: i32, offset: Option<i64>, owner: bool) -> Row {
        let owner = owner.then(|| ("LxbvunYARruDppFhNWuHwg".into(), "/127.0.0.1".into(), "member-a".into()));
        Row {
            group: "g".into(),
            tp: TopicPartition::new("grp", partition),
            leader_epoch: Some(0),
            offset,
            log_end: Some(10),
            owner,
        }
    }

    #[test]
    fn offsets_stand_under_their_heads() {
        let rows = [row(0, Some(4), true), row(1, None, false)];
        let lines = [
            "",
            "GROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG             CONSUMER-ID            HOST            CLIENT-ID",
            "g               grp             0          4               10              6               LxbvunYARruDppFhNWuHwg /127.0.0.1      member-a",
            "g               grp             1          -               10              -               -                      -               -",
            "",
        ];
        assert_eq!(text(|out| offsets(out, &rows, false)), lines.join("\n"));
        assert!(text(|out| offsets(out, &rows, true)).contains(" PARTITION  LEADER-EPOCH    CURRENT-OFFSET "));
    }

    fn member(instance: &str, upgraded: Option<bool>) -> Member {
        Member {
            consumer_id: "8ozRtagNRr2ZPbLb4p6SEA".into(),
            host: "/127.0.0.1".into(),
            client_id: "member-b".into(),
            group_instance_id: instance.into(),
            partitions: 1,
            assignment: "grp:2".into(),
            target_assignment: "-".into(),
            current_epoch: Some(3),
            target_epoch: None,
            upgraded,
        }
    }

    #[test]
    fn instance_ids_and_upgrades_have_columns_only_if_there_are_any() {
        let plain = text(|out| members(out, "g", &[member("", None)], false));
        let lines = [
            "",
            "GROUP           CONSUMER-ID            HOST            CLIENT-ID       #PARTITIONS     ",
            "g               8ozRtagNRr2ZPbLb4p6SEA /127.0.0.1      member-b        1               ",
            "",
        ];
        assert_eq!(plain, lines.join("\n"));
        let all = [member("static-1", Some(true)), member("", Some(false))];
        let verbose = text(|out| members(out, "g", &all, true));
        assert!(
            verbose.contains("CONSUMER-ID            GROUP-INSTANCE-ID HOST  "),
            "{verbose}"
        );
        assert!(
            verbose.contains("3               grp:2                -               -                    true\n"),
            "{verbose}"
        );
        assert!(
            verbose
                .lines()
                .nth(1)
                .unwrap()
                .ends_with(" TARGET-ASSIGNMENT    UPGRADED"),
            "{verbose}"
        );
        assert_eq!(text(|out| members(out, "g", &[], false)).lines().count(), 2);
    }

    #[test]
    fn a_state_names_its_coordinator() {
        let coordinator = Node {
            id: 3,
            host: "127.0.0.1".into(),
            port: 19094,
            rack: None,
            is_fenced: false,
        };
        let g = GroupDescription {
            group_id: "g-consumer".into(),
            group_type: GroupType::Consumer,
            protocol: "consumer".into(),
            state: GroupState::Stable,
            partition_assignor: "uniform".into(),
            members: Vec::new(),
            coordinator,
            authorized_operations: i32::MIN,
            group_epoch: Some(3),
            target_assignment_epoch: None,
        };
        let lines = [
            "",
            "GROUP           COORDINATOR (ID)          ASSIGNMENT-STRATEGY  STATE                GROUP-EPOCH     TARGET-ASSIGNMENT-EPOCH   #MEMBERS",
            "g-consumer      127.0.0.1:19094  (3)      uniform              Stable               3               -                         0",
            "",
        ];
        assert_eq!(text(|out| state(out, &g, true)), lines.join("\n"));
    }

    #[test]
    fn new_offsets_of_no_group_are_an_empty_line() {
        assert_eq!(text(|out| new_offsets(out, &[])), "\n");
        let offsets = vec![(TopicPartition::new("a-topic-of-some-length", 1), 10)];
        let one = [NewOffsets {
            group: "g-reset".into(),
            offsets,
            ..NewOffsets::default()
        }];
        let lines = [
            "",
            "GROUP           TOPIC                  PARTITION  NEW-OFFSET",
            "g-reset         a-topic-of-some-length 1          10",
            "",
        ];
        assert_eq!(text(|out| new_offsets(out, &one)), lines.join("\n"));
    }
}
