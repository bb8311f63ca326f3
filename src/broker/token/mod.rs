//! Delegation tokens (Kafka: `DelegationTokenControlManager`, `DelegationTokenManager`; KIP-48, KIP-900): who is logged in
//! may have a token made, with which others log in as the owner by SCRAM until it expires. Plans only.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha512;
use uuid::Uuid;

use super::config::BrokerConfig;
use super::metadata::record::DelegationTokenRecord;
use super::metadata::{MetadataImage, MetadataRecord};
use crate::wire::ErrorCode;

/// What the configuration says of tokens.
pub struct Tokens {
    secret: Vec<u8>,
    max_lifetime_ms: i64,
    renew_period_ms: i64,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

/// A token as it is asked for.
#[derive(Debug)]
pub struct NewToken {
    /// Principals, `TYPE:NAME`.
    pub owner: String,
    pub requester: String,
    pub renewers: Vec<String>,
    /// Not positive is the configuration's.
    pub max_lifetime_ms: i64,
}

impl Tokens {
    /// `None` without `delegation.token.secret.key`.
    pub fn new(config: &BrokerConfig) -> Option<Self> {
        let secret = config.str("delegation.token.secret.key").filter(|s| !s.is_empty())?;
        Some(Self {
            secret: secret.as_bytes().to_vec(),
            max_lifetime_ms: config.i64("delegation.token.max.lifetime.ms"),
            renew_period_ms: config.i64("delegation.token.expiry.time.ms"),
        })
    }

    /// The secret of a token: whoever has it is its bearer.
    pub fn hmac(&self, token_id: &str) -> Vec<u8> {
        let mut mac = <Hmac<Sha512> as Mac>::new_from_slice(&self.secret).expect("HMAC takes keys of every length");
        mac.update(token_id.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    /// The password of SCRAM that goes with a token's id as the user.
    pub fn password(&self, token_id: &str) -> String {
        STANDARD.encode(self.hmac(token_id))
    }

    fn find<'a>(&self, image: &'a MetadataImage, hmac: &[u8]) -> Result<&'a DelegationTokenRecord, ErrorCode> {
        let is_it = |token: &&DelegationTokenRecord| {
            // Compared by a MAC of both, so that time tells nothing.
            let mac = |bytes: &[u8]| self.hmac(&STANDARD.encode(bytes));
            mac(&self.hmac(&token.token_id)) == mac(hmac)
        };
        image
            .tokens
            .values()
            .find(is_it)
            .ok_or(ErrorCode::DELEGATION_TOKEN_NOT_FOUND)
    }

    pub fn create(&self, new: NewToken, now_ms: i64) -> DelegationTokenRecord {
        let lifetime_ms = match new.max_lifetime_ms {
            wanted @ 1.. => wanted.min(self.max_lifetime_ms),
            _ => self.max_lifetime_ms,
        };
        let max_timestamp = now_ms.saturating_add(lifetime_ms);
        DelegationTokenRecord {
            owner: new.owner,
            requester: new.requester,
            renewers: new.renewers,
            issue_timestamp: now_ms,
            max_timestamp,
            expiration_timestamp: max_timestamp.min(now_ms.saturating_add(self.renew_period_ms)),
            // Kafka's ids are 22 letters.
            token_id: crate::internal_topic::uuid_text(Uuid::new_v4().as_bytes()),
        }
    }

    /// The token with a later end.
    ///
    /// # Errors
    /// [`ErrorCode::DELEGATION_TOKEN_NOT_FOUND`], `..._EXPIRED`, `..._OWNER_MISMATCH`.
    pub fn renew(
        &self,
        image: &MetadataImage,
        (hmac, period_ms): (&[u8], i64),
        principal: &str,
        now_ms: i64,
    ) -> Result<DelegationTokenRecord, ErrorCode> {
        let token = self.find(image, hmac)?;
        if token.is_expired(now_ms) {
            return Err(ErrorCode::DELEGATION_TOKEN_EXPIRED);
        }
        check_renewer(token, principal)?;
        let period_ms = match period_ms {
            wanted @ 1.. => wanted.min(self.renew_period_ms),
            _ => self.renew_period_ms,
        };
        Ok(token.ending(now_ms.saturating_add(period_ms)))
    }

    /// The record that ends a token, and when that is; a negative period is at once.
    ///
    /// # Errors
    /// As [`Self::renew`].
    pub fn expire(
        &self,
        image: &MetadataImage,
        (hmac, period_ms): (&[u8], i64),
        principal: &str,
        now_ms: i64,
    ) -> Result<(MetadataRecord, i64), ErrorCode> {
        let token = self.find(image, hmac)?;
        check_renewer(token, principal)?;
        if period_ms < 0 {
            let token_id = token.token_id.clone();
            return Ok((MetadataRecord::RemoveDelegationToken { token_id }, now_ms));
        }
        if token.is_expired(now_ms) {
            return Err(ErrorCode::DELEGATION_TOKEN_EXPIRED);
        }
        let ending = token.ending(now_ms.saturating_add(period_ms));
        let at = ending.expiration_timestamp;
        Ok((MetadataRecord::DelegationToken(ending), at))
    }
}

fn check_renewer(token: &DelegationTokenRecord, principal: &str) -> Result<(), ErrorCode> {
    if token.owner == principal || token.renewers.iter().any(|r| r == principal) {
        return Ok(());
    }
    Err(ErrorCode::DELEGATION_TOKEN_OWNER_MISMATCH)
}

/// Records that remove what has expired.
pub fn sweep(image: &MetadataImage, now_ms: i64) -> Vec<MetadataRecord> {
    let expired = image.tokens.values().filter(|t| t.is_expired(now_ms));
    let record = |t: &DelegationTokenRecord| MetadataRecord::RemoveDelegationToken {
        token_id: t.token_id.clone(),
    };
    expired.map(record).collect()
}

impl DelegationTokenRecord {
    pub fn is_expired(&self, now_ms: i64) -> bool {
        self.max_timestamp < now_ms || self.expiration_timestamp < now_ms
    }

    /// Whether a principal has to do with the token.
    pub fn concerns(&self, principal: &str) -> bool {
        self.owner == principal || self.requester == principal || self.renewers.iter().any(|r| r == principal)
    }

    fn ending(&self, at_ms: i64) -> Self {
        Self {
            expiration_timestamp: at_ms.min(self.max_timestamp),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::config::Props;

    fn tokens() -> Tokens {
        let props = Props::from([
            ("delegation.token.secret.key".to_owned(), "s".to_owned()),
            ("delegation.token.expiry.time.ms".to_owned(), "100".to_owned()),
            ("delegation.token.max.lifetime.ms".to_owned(), "1000".to_owned()),
        ]);
        Tokens::new(&BrokerConfig::new(props).unwrap()).unwrap()
    }

    fn made(tokens: &Tokens, max_lifetime_ms: i64) -> (MetadataImage, Vec<u8>) {
        let token = tokens.create(
            NewToken {
                owner: "User:alice".into(),
                requester: "User:admin".into(),
                renewers: vec!["User:bob".into()],
                max_lifetime_ms,
            },
            5000,
        );
        let hmac = tokens.hmac(&token.token_id);
        let mut image = MetadataImage::default();
        image.apply(&MetadataRecord::DelegationToken(token));
        (image, hmac)
    }

    #[test]
    fn times_are_bounded() {
        let tokens = tokens();
        let times = |max| {
            let (image, _) = made(&tokens, max);
            let token = image.tokens.values().next().unwrap().clone();
            (token.expiration_timestamp, token.max_timestamp)
        };
        assert_eq!(times(-1), (5100, 6000));
        assert_eq!(times(50), (5050, 5050));
        assert_eq!(times(i64::MAX), (5100, 6000));
    }

    #[test]
    fn owner_and_renewers_decide_about_its_end() {
        let tokens = tokens();
        let (image, hmac) = made(&tokens, -1);
        let renew = |who, period, now| {
            tokens
                .renew(&image, (&hmac, period), who, now)
                .map(|t| t.expiration_timestamp)
        };
        assert_eq!(renew("User:alice", -1, 5050), Ok(5150));
        assert_eq!(renew("User:bob", 20, 5050), Ok(5070));
        assert_eq!(
            renew("User:bob", 1 << 40, 5950),
            Err(ErrorCode::DELEGATION_TOKEN_EXPIRED)
        );
        assert_eq!(
            renew("User:admin", -1, 5050),
            Err(ErrorCode::DELEGATION_TOKEN_OWNER_MISMATCH)
        );
        let unknown = tokens.renew(&image, (b"x", -1), "User:alice", 5050).map(|_| ());
        assert_eq!(unknown, Err(ErrorCode::DELEGATION_TOKEN_NOT_FOUND));
        let (record, at) = tokens.expire(&image, (&hmac, -1), "User:bob", 9000).unwrap();
        assert!(matches!(record, MetadataRecord::RemoveDelegationToken { .. }) && at == 9000);
        assert_eq!(tokens.expire(&image, (&hmac, 7), "User:bob", 5001).unwrap().1, 5008);
        assert!(sweep(&image, 5100).is_empty() && sweep(&image, 5101).len() == 1);
    }
}
