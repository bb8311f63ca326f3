//! Share sessions (Kafka: `ShareSessionCache`, `ShareSession`): which partitions a member of a share group fetches from
//! this broker, so that a request need only say what changes. The member numbers its requests; one that is out of order
//! is refused, as an acknowledgement might have been lost.

use std::collections::HashMap;

use indexmap::IndexSet;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::wire::ErrorCode;

/// The epoch of a request that opens a session.
pub const INITIAL_EPOCH: i32 = 0;
/// The epoch of a request that closes it.
pub const FINAL_EPOCH: i32 = -1;

/// A topic's partition, as the requests name it.
pub type IdPartition = (Uuid, i32);

/// Whose session it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionKey {
    pub group_id: String,
    pub member_id: String,
}

#[derive(Debug)]
struct Session {
    /// That the next request must have.
    epoch: i32,
    partitions: IndexSet<IdPartition>,
    /// Where in `partitions` the next fetch begins, so that none starves.
    turn: usize,
    /// The connection it is used on.
    connection: u64,
}

/// What a fetch says of its session.
#[derive(Debug, Clone)]
pub struct FetchSession {
    pub key: SessionKey,
    pub epoch: i32,
    pub added: Vec<IdPartition>,
    pub forgotten: Vec<IdPartition>,
    pub has_acknowledgements: bool,
    pub connection: u64,
}

/// The outcome of opening or continuing a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// To be fetched from, in this order.
    pub wanted: Vec<IdPartition>,
    /// Partitions of a session of the same member that ends by this.
    pub ended: Vec<IdPartition>,
}

/// See the module.
#[derive(Debug)]
pub struct ShareSessions {
    sessions: Mutex<HashMap<SessionKey, Session>>,
    max_sessions: usize,
}

impl ShareSessions {
    /// Sessions for at most `max_sessions` members.
    pub fn new(max_sessions: usize) -> Self {
        Self {
            sessions: Mutex::default(),
            max_sessions,
        }
    }

    /// Begins or continues the session of a ShareFetch.
    ///
    /// # Errors
    /// SHARE_SESSION_NOT_FOUND, INVALID_SHARE_SESSION_EPOCH, SHARE_SESSION_LIMIT_REACHED, and INVALID_REQUEST for a first
    /// request that acknowledges or a last one that fetches.
    pub fn open(&self, request: &FetchSession) -> Result<Opened, ErrorCode> {
        let mut sessions = self.sessions.lock();
        match request.epoch {
            INITIAL_EPOCH => {
                if request.has_acknowledgements {
                    return Err(ErrorCode::INVALID_REQUEST);
                }
                let old = sessions.remove(&request.key);
                if sessions.len() >= self.max_sessions {
                    return Err(ErrorCode::SHARE_SESSION_LIMIT_REACHED);
                }
                let partitions: IndexSet<IdPartition> = request.added.iter().copied().collect();
                let wanted = partitions.iter().copied().collect();
                let session = Session {
                    epoch: 1,
                    partitions,
                    turn: 0,
                    connection: request.connection,
                };
                sessions.insert(request.key.clone(), session);
                let ended = old.map(|old| old.partitions.into_iter().collect()).unwrap_or_default();
                Ok(Opened { wanted, ended })
            }
            FINAL_EPOCH => {
                if !sessions.contains_key(&request.key) {
                    return Err(ErrorCode::SHARE_SESSION_NOT_FOUND);
                }
                Ok(Opened {
                    wanted: Vec::new(),
                    ended: Vec::new(),
                })
            }
            epoch => {
                let session = next(&mut sessions, &request.key, epoch)?;
                session.connection = request.connection;
                session.partitions.extend(request.added.iter().copied());
                for forgotten in &request.forgotten {
                    session.partitions.shift_remove(forgotten);
                }
                let count = session.partitions.len();
                session.turn = (session.turn + 1) % count.max(1);
                let in_turn = session.partitions.iter().cycle().skip(session.turn).take(count);
                Ok(Opened {
                    wanted: in_turn.copied().collect(),
                    ended: Vec::new(),
                })
            }
        }
    }

    /// Continues the session for a ShareAcknowledge.
    ///
    /// # Errors
    /// SHARE_SESSION_NOT_FOUND, INVALID_SHARE_SESSION_EPOCH.
    pub fn acknowledge(&self, key: &SessionKey, epoch: i32) -> Result<(), ErrorCode> {
        let mut sessions = self.sessions.lock();
        match epoch {
            INITIAL_EPOCH => Err(ErrorCode::INVALID_SHARE_SESSION_EPOCH),
            FINAL_EPOCH if sessions.contains_key(key) => Ok(()),
            FINAL_EPOCH => Err(ErrorCode::SHARE_SESSION_NOT_FOUND),
            _ => next(&mut sessions, key, epoch).map(drop),
        }
    }

    /// Ends a session, and gives its partitions.
    pub fn close(&self, key: &SessionKey) -> Vec<IdPartition> {
        let closed = self.sessions.lock().remove(key);
        closed
            .map(|session| session.partitions.into_iter().collect())
            .unwrap_or_default()
    }

    /// Whether anybody of the group has a session here.
    pub fn has_group(&self, group_id: &str) -> bool {
        self.sessions.lock().keys().any(|key| key.group_id == group_id)
    }

    /// Ends the sessions of a connection that is gone.
    pub fn close_connection(&self, connection: u64) -> Vec<(SessionKey, Vec<IdPartition>)> {
        let mut sessions = self.sessions.lock();
        let ended = sessions.extract_if(|_, session| session.connection == connection);
        ended
            .map(|(key, session)| (key, session.partitions.into_iter().collect()))
            .collect()
    }
}

/// The session, if `epoch` is the one it waits for; it then waits for the next.
fn next<'a>(
    sessions: &'a mut HashMap<SessionKey, Session>,
    key: &SessionKey,
    epoch: i32,
) -> Result<&'a mut Session, ErrorCode> {
    let session = sessions.get_mut(key).ok_or(ErrorCode::SHARE_SESSION_NOT_FOUND)?;
    if session.epoch != epoch {
        return Err(ErrorCode::INVALID_SHARE_SESSION_EPOCH);
    }
    session.epoch = if epoch == i32::MAX { 1 } else { epoch + 1 };
    Ok(session)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(member: &str) -> SessionKey {
        SessionKey {
            group_id: "g".to_owned(),
            member_id: member.to_owned(),
        }
    }

    fn fetch(member: &str, epoch: i32, added: &[i32], forgotten: &[i32]) -> FetchSession {
        let named = |partitions: &[i32]| partitions.iter().map(|p| (Uuid::from_u128(1), *p)).collect();
        FetchSession {
            key: key(member),
            epoch,
            added: named(added),
            forgotten: named(forgotten),
            has_acknowledgements: false,
            connection: 7,
        }
    }

    fn wanted(sessions: &ShareSessions, request: &FetchSession) -> Result<Vec<i32>, ErrorCode> {
        let opened = sessions.open(request)?;
        Ok(opened.wanted.into_iter().map(|(_, partition)| partition).collect())
    }

    #[test]
    fn a_session_remembers_its_partitions_and_serves_them_in_turn() {
        let sessions = ShareSessions::new(10);
        assert_eq!(wanted(&sessions, &fetch("a", 0, &[0, 1], &[])).unwrap(), [0, 1]);
        assert_eq!(wanted(&sessions, &fetch("a", 1, &[2], &[])).unwrap(), [1, 2, 0]);
        assert_eq!(wanted(&sessions, &fetch("a", 2, &[], &[0])).unwrap(), [1, 2]);
        assert_eq!(sessions.acknowledge(&key("a"), 3), Ok(()));
        assert_eq!(wanted(&sessions, &fetch("a", 4, &[], &[1, 2])).unwrap(), [0i32; 0]);
    }

    #[test]
    fn requests_out_of_order_are_refused() {
        let sessions = ShareSessions::new(10);
        let not_found = Err(ErrorCode::SHARE_SESSION_NOT_FOUND);
        let bad_epoch = Err(ErrorCode::INVALID_SHARE_SESSION_EPOCH);
        assert_eq!(wanted(&sessions, &fetch("a", 1, &[], &[])), not_found);
        assert_eq!(wanted(&sessions, &fetch("a", -1, &[], &[])), not_found);
        assert_eq!(
            sessions.acknowledge(&key("a"), -1),
            Err(ErrorCode::SHARE_SESSION_NOT_FOUND)
        );
        sessions.open(&fetch("a", 0, &[0], &[])).unwrap();
        assert_eq!(wanted(&sessions, &fetch("a", 2, &[], &[])), bad_epoch);
        assert_eq!(
            sessions.acknowledge(&key("a"), 0),
            Err(ErrorCode::INVALID_SHARE_SESSION_EPOCH)
        );
        assert_eq!(sessions.acknowledge(&key("a"), 1), Ok(()));
        assert_eq!(
            sessions.acknowledge(&key("a"), 1),
            Err(ErrorCode::INVALID_SHARE_SESSION_EPOCH)
        );
    }

    #[test]
    fn a_session_ends_by_a_new_one_or_with_its_connection() {
        let sessions = ShareSessions::new(2);
        sessions.open(&fetch("a", 0, &[0, 1], &[])).unwrap();
        let again = sessions.open(&fetch("a", 0, &[1], &[])).unwrap();
        assert_eq!(again.ended.len(), 2);
        sessions.open(&fetch("b", 0, &[], &[])).unwrap();
        let one_too_many = sessions.open(&fetch("c", 0, &[], &[]));
        assert_eq!(one_too_many, Err(ErrorCode::SHARE_SESSION_LIMIT_REACHED));
        assert!(sessions.close_connection(8).is_empty());
        assert_eq!(sessions.close_connection(7).len(), 2);
        sessions.open(&fetch("c", 0, &[0], &[])).unwrap();
        assert!(sessions.has_group("g"));
        assert_eq!(sessions.close(&key("c")).len(), 1);
        assert!(!sessions.has_group("g"));
        assert!(sessions.close(&key("c")).is_empty());
    }
}
