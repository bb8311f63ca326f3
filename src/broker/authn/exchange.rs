//! The tokens of one login, by mechanism (Kafka: `PlainSaslServer`, `ScramSaslServer`, `OAuthBearerSaslServer`).

use super::OAUTHBEARER;
use super::settings::SaslSettings;
use crate::broker::node::Node;
use crate::wire::sasl::{ScramCredential, ScramMechanism, ScramServer, parse_oauthbearer, parse_plain};

/// Who has logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Without its type, which is `User`.
    pub user: String,
    /// When the credential ends, in milliseconds since 1970.
    pub expires_at_ms: Option<i64>,
    /// By a delegation token.
    pub by_token: bool,
}

impl Identity {
    fn of(user: String) -> Self {
        Self {
            user,
            expires_at_ms: None,
            by_token: false,
        }
    }
}

/// An exchange of tokens that has begun.
#[derive(Debug)]
pub enum Exchange {
    Plain,
    Scram {
        mechanism: ScramMechanism,
        /// Once the client has said who it is; whose login this will be.
        begun: Option<(Box<ScramServer>, Identity)>,
    },
    OAuthBearer {
        refused: bool,
    },
}

/// The server's token, and the client once the exchange is complete.
pub type Step = (Vec<u8>, Option<Identity>);

const INVALID_TOKEN: &str = "{\"status\":\"invalid_token\"}";

impl Exchange {
    pub fn new(mechanism: &str) -> Self {
        match ScramMechanism::by_name(mechanism) {
            Some(mechanism) => Self::Scram { mechanism, begun: None },
            None if mechanism == OAUTHBEARER => Self::OAuthBearer { refused: false },
            None => Self::Plain,
        }
    }

    /// Takes the client's next token.
    ///
    /// # Errors
    /// A text for the client; `None` is told in general words, so that nobody learns which part was wrong.
    pub fn step(&mut self, node: &Node, settings: &SaslSettings, token: &[u8]) -> Result<Step, Option<String>> {
        match self {
            Self::Plain => {
                let (user, password) = parse_plain(token).map_err(|e| Some(e.0))?;
                match settings.plain_users.get(&user) {
                    Some(expected) if same(expected.as_bytes(), password.as_bytes()) => {
                        Ok((Vec::new(), Some(Identity::of(user))))
                    }
                    _ => Err(Some("Authentication failed: Invalid username or password".to_owned())),
                }
            }
            Self::Scram { mechanism, begun } => match begun {
                None => {
                    let mut server = ScramServer::new(*mechanism, token).map_err(|_| None)?;
                    let (credential, identity) = scram_credential(node, settings, *mechanism, &server).ok_or(None)?;
                    let challenge = server.challenge(credential);
                    *begun = Some((Box::new(server), identity));
                    Ok((challenge, None))
                }
                Some((server, identity)) => {
                    let last = server.verify(token).map_err(|_| None)?;
                    Ok((last, Some(identity.clone())))
                }
            },
            // Whatever the client says to the refusal, it is over.
            Self::OAuthBearer { refused: true } => Err(Some(INVALID_TOKEN.to_owned())),
            Self::OAuthBearer { refused } => {
                let (token, _) = parse_oauthbearer(token).map_err(|e| Some(e.0))?;
                match settings.oauth.check(&token, node.now_ms()) {
                    Ok((user, expires_at_ms)) => {
                        let identity = Identity {
                            expires_at_ms: Some(expires_at_ms),
                            ..Identity::of(user)
                        };
                        Ok((Vec::new(), Some(identity)))
                    }
                    Err(refusal) => {
                        *refused = true;
                        Ok((refusal.to_json().into_bytes(), None))
                    }
                }
            }
        }
    }
}

/// Whether two texts are the same, in a time that only their lengths decide.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (x, y)| differs | (x ^ y)) == 0
}

/// What a client must prove to know, and who it is then: a user of the metadata or the JAAS configuration, or with
/// `tokenauth=true` the owner of the token whose id it gives for a name.
fn scram_credential(
    node: &Node,
    settings: &SaslSettings,
    mechanism: ScramMechanism,
    server: &ScramServer,
) -> Option<(ScramCredential, Identity)> {
    const ITERATIONS: u32 = 4096;
    let made = |password: &str| {
        let salt = rand::random::<[u8; 16]>().to_vec();
        ScramCredential::new(mechanism, password, salt, ITERATIONS)
    };
    let (image, user) = (node.image(), server.username());
    let by_token = server.extensions().iter().any(|(k, v)| k == "tokenauth" && v == "true");
    if by_token {
        let token = image.tokens.get(user).filter(|t| !t.is_expired(node.now_ms()))?;
        let owner = token
            .owner
            .split_once(':')
            .map_or(token.owner.as_str(), |(_, name)| name);
        let identity = Identity {
            user: owner.to_owned(),
            expires_at_ms: Some(token.expiration_timestamp),
            by_token,
        };
        return Some((made(&node.tokens()?.password(user)), identity));
    }
    let identity = Identity::of(user.to_owned());
    if let Some(stored) = image.scram.get(&(user.to_owned(), mechanism.code())) {
        let credential = ScramCredential {
            salt: stored.salt.clone(),
            stored_key: stored.stored_key.clone(),
            server_key: stored.server_key.clone(),
            iterations: u32::try_from(stored.iterations).ok()?,
        };
        return Some((credential, identity));
    }
    Some((made(settings.scram_users.get(user)?), identity))
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn passwords_are_compared_whole() {
        assert!(same(b"", b"") && same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd") && !same(b"abc", b"ab") && !same(b"", b"a"));
    }
}
