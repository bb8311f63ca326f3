//! SCRAM credentials of users (KIP-554). Passwords are salted here; only the salted form travels.

use bytes::Bytes;
use kafka_protocol::messages::alter_user_scram_credentials_request::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use kafka_protocol::messages::describe_user_scram_credentials_request::UserName;
use kafka_protocol::messages::{
    AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
};

use super::*;
pub use crate::wire::sasl::ScramMechanism;
use crate::wire::sasl::random_text;

/// Kafka: `UserScramCredentialAlteration`.
#[derive(Clone)]
pub enum ScramAlteration {
    /// Sets a password. `salt: None` makes a random one.
    Upsert {
        user: String,
        mechanism: ScramMechanism,
        iterations: i32,
        password: String,
        salt: Option<Vec<u8>>,
    },
    Delete {
        user: String,
        mechanism: ScramMechanism,
    },
}

impl ScramAlteration {
    pub fn user(&self) -> &str {
        match self {
            Self::Upsert { user, .. } | Self::Delete { user, .. } => user,
        }
    }
}

/// Without the password.
impl std::fmt::Debug for ScramAlteration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Upsert { user, mechanism, .. } => write!(f, "Upsert({user}, {})", mechanism.name()),
            Self::Delete { user, mechanism } => write!(f, "Delete({user}, {})", mechanism.name()),
        }
    }
}

impl Admin {
    /// Kafka: `describeUserScramCredentials`, of these users or of all: mechanisms with their iterations. A user
    /// without credentials is `Err(RESOURCE_NOT_FOUND)`.
    ///
    /// # Errors
    /// Those of every call.
    pub async fn describe_user_scram_credentials(
        &self,
        users: Option<&[String]>,
    ) -> Result<Items<String, Vec<(ScramMechanism, i32)>>, AdminError> {
        let make = |_| {
            let named = |all: &[String]| all.iter().map(|u| UserName::default().with_name(text(u))).collect();
            DescribeUserScramCredentialsRequest::default().with_users(users.map(named))
        };
        let judge = |r: &DescribeUserScramCredentialsResponse| judge_codes([r.error_code]);
        let answer = self
            .request("describeUserScramCredentials", self.any_or_controller(), make, judge)
            .await?;
        ApiError::check(answer.error_code, answer.error_message.as_deref())?;
        let item = |r: &kafka_protocol::messages::describe_user_scram_credentials_response::DescribeUserScramCredentialsResult| {
            let infos = r.credential_infos.iter();
            let infos = infos.filter_map(|c| Some((ScramMechanism::by_code(c.mechanism)?, c.iterations))).collect();
            (r.user.to_string(), ApiError::check(r.error_code, r.error_message.as_deref()).map(|()| infos))
        };
        Ok(answer.results.iter().map(item).collect())
    }

    /// Kafka: `alterUserScramCredentials`. One outcome for each user, in the order they first appear.
    ///
    /// # Errors
    /// Those of every call.
    pub async fn alter_user_scram_credentials(
        &self,
        alterations: &[ScramAlteration],
    ) -> Result<Items<String, ()>, AdminError> {
        let illegal = |a: &ScramAlteration| {
            let text = match a {
                _ if a.user().is_empty() => "Username must not be empty",
                ScramAlteration::Upsert { password, .. } if password.is_empty() => "Password must not be empty",
                _ => return None,
            };
            Some((
                a.user().to_string(),
                ApiError::with_text(ErrorCode::UNACCEPTABLE_CREDENTIAL, text),
            ))
        };
        let refused: Vec<(String, ApiError)> = alterations.iter().filter_map(illegal).collect();
        let is_refused = |user: &str| refused.iter().find(|(u, _)| u == user).map(|(_, e)| e.clone());
        let mut deletions = Vec::new();
        let mut upsertions = Vec::new();
        for alteration in alterations.iter().filter(|a| is_refused(a.user()).is_none()) {
            match alteration {
                ScramAlteration::Delete { user, mechanism } => {
                    let deletion = ScramCredentialDeletion::default();
                    deletions.push(deletion.with_name(text(user)).with_mechanism(mechanism.code()));
                }
                ScramAlteration::Upsert { .. } => upsertions.push(upsertion(alteration)),
            }
        }
        let mut answers: Items<String, ()> = Items::new();
        if !deletions.is_empty() || !upsertions.is_empty() {
            let make = |_| {
                AlterUserScramCredentialsRequest::default()
                    .with_deletions(deletions.clone())
                    .with_upsertions(upsertions.clone())
            };
            let judge = |r: &AlterUserScramCredentialsResponse| judge_codes(r.results.iter().map(|u| u.error_code));
            let answer = self
                .request("alterUserScramCredentials", Target::Controller, make, judge)
                .await?;
            let results = answer.results.iter();
            answers = results
                .map(|r| {
                    (
                        r.user.to_string(),
                        ApiError::check(r.error_code, r.error_message.as_deref()),
                    )
                })
                .collect();
        }
        let users: indexmap::IndexSet<String> = alterations.iter().map(|a| a.user().to_string()).collect();
        Ok(users
            .into_iter()
            .map(|user| match is_refused(&user) {
                Some(e) => (user, Err(e)),
                None => take(&mut answers, &user),
            })
            .collect())
    }
}

fn upsertion(alteration: &ScramAlteration) -> ScramCredentialUpsertion {
    let ScramAlteration::Upsert {
        user,
        mechanism,
        iterations,
        password,
        salt,
    } = alteration
    else {
        return ScramCredentialUpsertion::default();
    };
    let salt = salt.clone().unwrap_or_else(|| random_text().into_bytes());
    // The broker judges the count; salting with one outside Kafka's limits would only take time.
    let rounds = u32::try_from(*iterations)
        .unwrap_or(1)
        .clamp(1, crate::wire::sasl::MAX_ITERATIONS);
    let salted = mechanism.salted_password(password, &salt, rounds);
    ScramCredentialUpsertion::default()
        .with_name(text(user))
        .with_mechanism(mechanism.code())
        .with_iterations(*iterations)
        .with_salt(Bytes::from(salt))
        .with_salted_password(Bytes::from(salted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn credentials_come_and_go_on_a_real_cluster() {
        let Some(admin) = live::admin().await else { return };
        let user = "client-scram-user".to_string();
        let upsert = |user: &str, iterations, password: &str| ScramAlteration::Upsert {
            user: user.into(),
            mechanism: ScramMechanism::Sha256,
            iterations,
            password: password.into(),
            salt: None,
        };
        let items = admin
            .alter_user_scram_credentials(&[upsert(&user, 5000, "secret"), upsert("e", 4096, "")])
            .await
            .unwrap();
        assert_eq!(items[0], (user.clone(), Ok(())));
        assert_eq!(items[1].1.as_ref().unwrap_err().text(), "Password must not be empty");
        let weak = admin
            .alter_user_scram_credentials(&[upsert(&user, 1, "secret")])
            .await
            .unwrap();
        assert_eq!(weak[0].1.as_ref().unwrap_err().code, ErrorCode::UNACCEPTABLE_CREDENTIAL);
        let delete = ScramAlteration::Delete {
            user: user.clone(),
            mechanism: ScramMechanism::Sha256,
        };
        admin
            .alter_user_scram_credentials(&[delete])
            .await
            .unwrap()
            .remove(0)
            .1
            .unwrap();
        let described = admin
            .describe_user_scram_credentials(Some(&["client-nobody".into()]))
            .await
            .unwrap();
        assert_eq!(described[0].1.as_ref().unwrap_err().code, ErrorCode::RESOURCE_NOT_FOUND);
    }
}
