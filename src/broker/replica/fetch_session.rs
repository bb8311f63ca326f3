//! Incremental fetch sessions (KIP-227; Kafka: `FetchManager`, `FetchSessionCache`). A session remembers what its client
//! reads, so that requests name changes only, and responses only partitions with news.

use std::collections::HashMap;

use indexmap::IndexMap;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::wire::ErrorCode;

/// No session, in requests and responses.
pub const INVALID_SESSION_ID: i32 = 0;
/// Asks for a new session.
const INITIAL_EPOCH: i32 = 0;
/// Ends the session, or asks for none.
const FINAL_EPOCH: i32 = -1;

/// A partition as the client named it: by topic name up to version 12, by id from 13 on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionKey {
    pub topic: String,
    pub topic_id: Uuid,
    pub partition: i32,
}

/// What the client wants of a partition, and what it was last told.
#[derive(Debug, Clone, Default)]
pub struct SessionPartition {
    pub fetch_offset: i64,
    pub max_bytes: i32,
    pub current_leader_epoch: i32,
    pub last_fetched_epoch: i32,
    pub high_watermark: i64,
    pub log_start_offset: i64,
}

/// What a response may leave out is what the client knows already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    pub high_watermark: i64,
    pub log_start_offset: i64,
    pub has_records: bool,
    /// An error, or a diverging epoch.
    pub is_special: bool,
}

type Partitions = IndexMap<SessionKey, SessionPartition>;

#[derive(Debug)]
struct Session {
    /// The epoch the next request must have.
    next_epoch: i32,
    partitions: Partitions,
    uses_topic_ids: bool,
    last_used_ms: i64,
}

/// How one request is to be served.
#[derive(Debug)]
pub struct SessionContext {
    /// For the response; 0 is none.
    pub session_id: i32,
    /// All that is to be read, in the order to read it.
    pub wanted: Vec<(SessionKey, SessionPartition)>,
    /// Leave out partitions without news.
    pub is_incremental: bool,
}

/// The session part of a request.
#[derive(Debug)]
pub struct SessionRequest {
    pub session_id: i32,
    pub epoch: i32,
    pub uses_topic_ids: bool,
    pub partitions: Vec<(SessionKey, SessionPartition)>,
    pub forgotten: Vec<SessionKey>,
}

/// The sessions of one broker.
#[derive(Debug)]
pub struct FetchSessions {
    slots: usize,
    sessions: Mutex<HashMap<i32, Session>>,
}

/// A session that nobody used for so long gives its place to a new one (Kafka: `MinIncrementalFetchSessionEvictionMs`).
const EVICTION_MS: i64 = 120_000;

impl FetchSessions {
    /// `slots` is `max.incremental.fetch.session.cache.slots`.
    pub fn new(slots: usize) -> Self {
        Self {
            slots,
            sessions: Mutex::default(),
        }
    }

    /// Finds out what a request wants.
    ///
    /// # Errors
    /// [`ErrorCode::FETCH_SESSION_ID_NOT_FOUND`], [`ErrorCode::INVALID_FETCH_SESSION_EPOCH`],
    /// [`ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR`]; the client then starts over.
    pub fn open(&self, request: SessionRequest, now_ms: i64) -> Result<SessionContext, ErrorCode> {
        let mut sessions = self.sessions.lock();
        if request.epoch == INITIAL_EPOCH || request.epoch == FINAL_EPOCH {
            if request.session_id != INVALID_SESSION_ID {
                sessions.remove(&request.session_id);
            }
            let mut session_id = INVALID_SESSION_ID;
            if request.epoch == INITIAL_EPOCH && self.make_room(&mut sessions, now_ms) {
                session_id = new_id(&sessions);
                let session = Session {
                    next_epoch: 1,
                    partitions: request.partitions.iter().cloned().collect(),
                    uses_topic_ids: request.uses_topic_ids,
                    last_used_ms: now_ms,
                };
                sessions.insert(session_id, session);
            }
            return Ok(SessionContext {
                session_id,
                wanted: request.partitions,
                is_incremental: false,
            });
        }
        let session = sessions
            .get_mut(&request.session_id)
            .ok_or(ErrorCode::FETCH_SESSION_ID_NOT_FOUND)?;
        if session.next_epoch != request.epoch {
            return Err(ErrorCode::INVALID_FETCH_SESSION_EPOCH);
        }
        if session.uses_topic_ids != request.uses_topic_ids {
            return Err(ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR);
        }
        session.update(request.partitions, &request.forgotten);
        session.last_used_ms = now_ms;
        if session.partitions.is_empty() {
            sessions.remove(&request.session_id);
            return Ok(SessionContext {
                session_id: INVALID_SESSION_ID,
                wanted: Vec::new(),
                is_incremental: false,
            });
        }
        session.next_epoch = if session.next_epoch == i32::MAX {
            1
        } else {
            session.next_epoch + 1
        };
        let wanted = session.partitions.iter().map(|(k, p)| (k.clone(), p.clone())).collect();
        Ok(SessionContext {
            session_id: request.session_id,
            wanted,
            is_incremental: true,
        })
    }

    /// Notes what the client is being told, and says for each partition, in the order of the context, whether it
    /// belongs in the response. Partitions that gave records go to the end of the queue, so that none is starved.
    pub fn close(&self, context: &SessionContext, told: &[Told]) -> Vec<bool> {
        let mut sessions = self.sessions.lock();
        let Some(session) = sessions.get_mut(&context.session_id) else {
            return vec![true; told.len()];
        };
        let mut included = Vec::with_capacity(told.len());
        for ((key, _), told) in context.wanted.iter().zip(told) {
            let Some(cached) = session.partitions.get_mut(key) else {
                included.push(true);
                continue;
            };
            let is_news = told.has_records
                || told.is_special
                || cached.high_watermark != told.high_watermark
                || cached.log_start_offset != told.log_start_offset;
            // After an error the next good answer is news in any case.
            cached.high_watermark = if told.is_special { -1 } else { told.high_watermark };
            cached.log_start_offset = told.log_start_offset;
            included.push(!context.is_incremental || is_news);
        }
        for ((key, _), _) in context.wanted.iter().zip(told).filter(|(_, t)| t.has_records) {
            if let Some((key, partition)) = session.partitions.shift_remove_entry(key) {
                session.partitions.insert(key, partition);
            }
        }
        included
    }

    /// Ends a session its client does not know of yet.
    pub fn forget(&self, session_id: i32) {
        self.sessions.lock().remove(&session_id);
    }

    fn make_room(&self, sessions: &mut HashMap<i32, Session>, now_ms: i64) -> bool {
        if sessions.len() < self.slots {
            return true;
        }
        let oldest = sessions
            .iter()
            .min_by_key(|(_, s)| s.last_used_ms)
            .map(|(id, s)| (*id, s.last_used_ms));
        match oldest {
            Some((id, last_used_ms)) if now_ms - last_used_ms > EVICTION_MS => sessions.remove(&id).is_some(),
            _ => false,
        }
    }
}

impl Session {
    fn update(&mut self, changed: Vec<(SessionKey, SessionPartition)>, forgotten: &[SessionKey]) {
        for (key, new) in changed {
            match self.partitions.get_mut(&key) {
                Some(cached) => {
                    let (high_watermark, log_start_offset) = (cached.high_watermark, cached.log_start_offset);
                    *cached = SessionPartition {
                        high_watermark,
                        log_start_offset,
                        ..new
                    };
                }
                None => drop(self.partitions.insert(key, new)),
            }
        }
        for key in forgotten {
            self.partitions.shift_remove(key);
        }
    }
}

fn new_id(sessions: &HashMap<i32, Session>) -> i32 {
    loop {
        let id = rand::random_range(1..i32::MAX);
        if !sessions.contains_key(&id) {
            return id;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(partition: i32) -> SessionKey {
        SessionKey {
            topic: "t".into(),
            topic_id: Uuid::nil(),
            partition,
        }
    }

    fn request(session_id: i32, epoch: i32, partitions: &[i32], forgotten: &[i32]) -> SessionRequest {
        let fresh = || SessionPartition {
            high_watermark: -1,
            log_start_offset: -1,
            ..Default::default()
        };
        SessionRequest {
            session_id,
            epoch,
            uses_topic_ids: false,
            partitions: partitions.iter().map(|p| (key(*p), fresh())).collect(),
            forgotten: forgotten.iter().map(|p| key(*p)).collect(),
        }
    }

    const QUIET: Told = Told {
        high_watermark: 5,
        log_start_offset: 0,
        has_records: false,
        is_special: false,
    };

    #[test]
    fn only_news_is_told() {
        let sessions = FetchSessions::new(10);
        let first = sessions.open(request(0, 0, &[0, 1], &[]), 0).unwrap();
        assert_eq!(sessions.close(&first, &[QUIET, QUIET]), [true, true]);
        let second = sessions.open(request(first.session_id, 1, &[], &[]), 0).unwrap();
        let news = Told {
            has_records: true,
            ..QUIET
        };
        assert_eq!(sessions.close(&second, &[news, QUIET]), [true, false]);
        let third = sessions.open(request(first.session_id, 2, &[], &[1]), 0).unwrap();
        assert_eq!(third.wanted.len(), 1, "a forgotten partition is not read");
    }

    #[test]
    fn a_partition_that_gave_records_is_read_last() {
        let sessions = FetchSessions::new(10);
        let first = sessions.open(request(0, 0, &[0, 1], &[]), 0).unwrap();
        sessions.close(
            &first,
            &[
                Told {
                    has_records: true,
                    ..QUIET
                },
                QUIET,
            ],
        );
        let second = sessions.open(request(first.session_id, 1, &[], &[]), 0).unwrap();
        assert_eq!(second.wanted[0].0.partition, 1);
    }

    #[test]
    fn unknown_sessions_and_epochs_are_refused() {
        let sessions = FetchSessions::new(10);
        let error = |r| sessions.open(r, 0).unwrap_err();
        assert_eq!(error(request(9, 1, &[], &[])), ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
        let first = sessions.open(request(0, 0, &[0], &[]), 0).unwrap();
        assert_eq!(
            error(request(first.session_id, 2, &[], &[])),
            ErrorCode::INVALID_FETCH_SESSION_EPOCH
        );
        let by_id = SessionRequest {
            uses_topic_ids: true,
            ..request(first.session_id, 1, &[], &[])
        };
        assert_eq!(error(by_id), ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR);
    }

    #[test]
    fn a_full_cache_serves_without_a_session() {
        let sessions = FetchSessions::new(1);
        let first = sessions.open(request(0, 0, &[0], &[]), 0).unwrap();
        assert_ne!(first.session_id, 0);
        assert_eq!(sessions.open(request(0, 0, &[0], &[]), 1).unwrap().session_id, 0);
        assert_ne!(
            sessions
                .open(request(0, 0, &[0], &[]), EVICTION_MS + 2)
                .unwrap()
                .session_id,
            0
        );
    }
}
