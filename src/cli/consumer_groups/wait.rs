//! `--wait-inactive`: hold until nobody consumes in the groups.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Outcome, Service, Stop, describe};
use crate::cli::compat::time::{parse_duration, short_duration};
use crate::cli::{CliError, Ui};
use crate::client::admin::GroupState;

/// How often the coordinator is asked; it cannot tell by itself.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// Returns at once without `--wait-inactive`; else when every group is empty or gone.
pub(super) async fn until_inactive(ui: &mut Ui, service: &Service<'_>, groups: &[String]) -> Outcome {
    let p = service.options;
    if !p.has("wait-inactive") {
        return Ok(());
    }
    let limit = parse_duration(p.value("wait-inactive")?.unwrap_or("60s")).map_err(CliError::usage)?;
    let deadline = Instant::now() + limit;
    let mut told = false;
    loop {
        let states = describe::group_states(&service.admin, groups)
            .await
            .map_err(|e| Stop::execution(&e))?;
        let active = |(group, state): (String, Option<GroupState>)| match state {
            None | Some(GroupState::Empty | GroupState::Dead) => None,
            Some(state) => Some(format!("'{group}' ({state})")),
        };
        let active: Vec<String> = states.into_iter().filter_map(active).collect();
        if active.is_empty() {
            return Ok(());
        }
        let active = active.join(", ");
        if Instant::now() + ASK_EVERY > deadline {
            let limit = short_duration(i64::try_from(limit.as_millis()).unwrap_or(i64::MAX));
            return Err(CliError::failed(format!("still active after {limit}: {active}")).into());
        }
        if !told {
            ui.say_err(&format!("waiting until inactive: {active}"))?;
            told = true;
        }
        sleep(ASK_EVERY).await;
    }
}
