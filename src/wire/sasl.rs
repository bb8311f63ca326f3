//! SASL messages, both sides: PLAIN (RFC 4616), SCRAM-SHA-256 and -512 (RFC 5802, RFC 7677), OAUTHBEARER (RFC 7628).
//!
//! State machines without a socket: each takes a message of the peer and gives the answer. What comes from the peer is
//! never trusted: a server's nonce must continue ours, an iteration count has limits, signatures are compared in
//! constant time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use rand::Rng;
use rand::distr::Alphanumeric;
use sha2::{Digest, Sha256, Sha512};

/// Iterations Kafka uses and the least it accepts (Kafka: `ScramMechanism.minIterations`, 4096 for both).
pub const MIN_ITERATIONS: u32 = 4096;
/// The most Kafka accepts (`ScramMechanism.maxIterations`).
pub const MAX_ITERATIONS: u32 = 16384;

/// A message that is not what the protocol wants at this point, or does not prove what it must.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SaslError(pub String);

fn fail<T>(text: impl Into<String>) -> Result<T, SaslError> {
    Err(SaslError(text.into()))
}

/// Kafka: `ScramMechanism`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScramMechanism {
    Sha256,
    Sha512,
}

impl ScramMechanism {
    /// `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SCRAM-SHA-256",
            Self::Sha512 => "SCRAM-SHA-512",
        }
    }

    /// The mechanism with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Sha256, Self::Sha512].into_iter().find(|m| m.name() == name)
    }

    /// The number in requests that store credentials: 1 and 2.
    pub fn code(self) -> i8 {
        match self {
            Self::Sha256 => 1,
            Self::Sha512 => 2,
        }
    }

    /// The mechanism with this number.
    pub fn by_code(code: i8) -> Option<Self> {
        [Self::Sha256, Self::Sha512].into_iter().find(|m| m.code() == code)
    }

    fn hash(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(data).to_vec(),
            Self::Sha512 => Sha512::digest(data).to_vec(),
        }
    }

    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        // HMAC takes keys of any length.
        match self {
            Self::Sha256 => {
                Hmac::<Sha256>::new_from_slice(key).map(|m| m.chain_update(data).finalize().into_bytes().to_vec())
            }
            Self::Sha512 => {
                Hmac::<Sha512>::new_from_slice(key).map(|m| m.chain_update(data).finalize().into_bytes().to_vec())
            }
        }
        .unwrap_or_default()
    }

    /// `SaltedPassword`: PBKDF2 of the password, as long as the hash.
    pub fn salted_password(self, password: &str, salt: &[u8], iterations: u32) -> Vec<u8> {
        match self {
            Self::Sha256 => {
                let mut out = vec![0; 32];
                pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, iterations, &mut out);
                out
            }
            Self::Sha512 => {
                let mut out = vec![0; 64];
                pbkdf2::pbkdf2_hmac::<Sha512>(password.as_bytes(), salt, iterations, &mut out);
                out
            }
        }
    }
}

/// What a server keeps of a password (Kafka: `ScramCredential`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScramCredential {
    pub salt: Vec<u8>,
    pub stored_key: Vec<u8>,
    pub server_key: Vec<u8>,
    pub iterations: u32,
}

impl ScramCredential {
    /// From a password.
    pub fn new(mechanism: ScramMechanism, password: &str, salt: Vec<u8>, iterations: u32) -> Self {
        Self::from_salted(
            mechanism,
            &mechanism.salted_password(password, &salt, iterations),
            salt,
            iterations,
        )
    }

    /// From an already salted password, which is what AlterUserScramCredentials carries.
    pub fn from_salted(mechanism: ScramMechanism, salted: &[u8], salt: Vec<u8>, iterations: u32) -> Self {
        let client_key = mechanism.hmac(salted, b"Client Key");
        let stored_key = mechanism.hash(&client_key);
        Self {
            salt,
            stored_key,
            server_key: mechanism.hmac(salted, b"Server Key"),
            iterations,
        }
    }
}

/// A fresh salt or nonce: 26 random letters and digits, about as long as Kafka's.
pub fn random_text() -> String {
    rand::rng().sample_iter(Alphanumeric).take(26).map(char::from).collect()
}

/// `key=value` attributes of a SCRAM message, in order.
fn attributes(message: &str) -> Vec<(char, &str)> {
    let attribute = |part: &'_ str| -> Option<(char, usize)> {
        let key = part.chars().next()?;
        part[key.len_utf8()..]
            .starts_with('=')
            .then_some((key, key.len_utf8() + 1))
    };
    message
        .split(',')
        .filter_map(|part| attribute(part).map(|(key, at)| (key, &part[at..])))
        .collect()
}

fn attribute(message: &str, key: char) -> Result<&str, SaslError> {
    let found = attributes(message).into_iter().find(|(k, _)| *k == key);
    found
        .map(|(_, value)| value)
        .ok_or_else(|| SaslError(format!("SCRAM message without attribute '{key}'")))
}

fn utf8(bytes: &[u8]) -> Result<&str, SaslError> {
    std::str::from_utf8(bytes).map_err(|_| SaslError("SASL message is not UTF-8".into()))
}

fn base64(value: &str) -> Result<Vec<u8>, SaslError> {
    STANDARD
        .decode(value)
        .map_err(|_| SaslError("SCRAM message with bad base64".into()))
}

fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(x, y)| x ^ y).collect()
}

/// Compares in a time that does not tell where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
}

/// `=` and `,` of a user name, as RFC 5802 writes them.
fn escape_name(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

fn unescape_name(name: &str) -> Result<String, SaslError> {
    let plain = name.replace("=2C", ",").replace("=3D", "\u{0}");
    if plain.contains('=') {
        return fail("Invalid username in SCRAM message");
    }
    Ok(plain.replace('\u{0}', "="))
}

/// The client's side of a SCRAM exchange.
#[derive(Debug)]
pub struct ScramClient {
    mechanism: ScramMechanism,
    password: String,
    nonce: String,
    first_bare: String,
    server_signature: Option<Vec<u8>>,
}

impl ScramClient {
    /// `extensions` such as `tokenauth=true` follow the nonce in the first message.
    pub fn new(mechanism: ScramMechanism, username: &str, password: &str, extensions: &[(&str, &str)]) -> Self {
        Self::with_nonce(mechanism, username, password, extensions, random_text())
    }

    fn with_nonce(
        mechanism: ScramMechanism,
        username: &str,
        password: &str,
        extensions: &[(&str, &str)],
        nonce: String,
    ) -> Self {
        let mut first_bare = format!("n={},r={nonce}", escape_name(username));
        for (key, value) in extensions {
            first_bare.push_str(&format!(",{key}={value}"));
        }
        Self {
            mechanism,
            password: password.to_string(),
            nonce,
            first_bare,
            server_signature: None,
        }
    }

    /// The first message.
    pub fn first(&self) -> Vec<u8> {
        format!("n,,{}", self.first_bare).into_bytes()
    }

    /// Proves the password in answer to the server's first message.
    ///
    /// # Errors
    /// A malformed message, a nonce that is not ours, or an iteration count outside [`MIN_ITERATIONS`] and a million.
    pub fn last(&mut self, server_first: &[u8]) -> Result<Vec<u8>, SaslError> {
        let server_first = utf8(server_first)?;
        let nonce = attribute(server_first, 'r')?;
        if !nonce.starts_with(&self.nonce) {
            return fail("Invalid server nonce: does not start with client nonce");
        }
        let salt = base64(attribute(server_first, 's')?)?;
        let iterations: u32 = attribute(server_first, 'i')?
            .parse()
            .map_err(|_| SaslError("bad iterations".into()))?;
        if iterations < MIN_ITERATIONS {
            let name = self.mechanism.name();
            return fail(format!(
                "Requested iterations {iterations} is less than the minimum {MIN_ITERATIONS} for {name}"
            ));
        }
        if iterations > 1_000_000 {
            return fail(format!("Requested iterations {iterations} would take too long"));
        }
        let salted = self.mechanism.salted_password(&self.password, &salt, iterations);
        let client_key = self.mechanism.hmac(&salted, b"Client Key");
        let without_proof = format!("c=biws,r={nonce}");
        let auth_message = format!("{},{server_first},{without_proof}", self.first_bare);
        let stored_key = self.mechanism.hash(&client_key);
        let proof = xor(&client_key, &self.mechanism.hmac(&stored_key, auth_message.as_bytes()));
        let server_key = self.mechanism.hmac(&salted, b"Server Key");
        self.server_signature = Some(self.mechanism.hmac(&server_key, auth_message.as_bytes()));
        Ok(format!("{without_proof},p={}", STANDARD.encode(proof)).into_bytes())
    }

    /// Checks that the server knows the password, too.
    ///
    /// # Errors
    /// A refusal, or a signature that is not the expected one.
    pub fn finish(&self, server_final: &[u8]) -> Result<(), SaslError> {
        let server_final = utf8(server_final)?;
        if let Ok(error) = attribute(server_final, 'e') {
            return fail(format!(
                "Sasl authentication using {} failed with error: {error}",
                self.mechanism.name()
            ));
        }
        let signature = base64(attribute(server_final, 'v')?)?;
        match &self.server_signature {
            Some(expected) if same(expected, &signature) => Ok(()),
            _ => fail("Invalid server signature in server final message"),
        }
    }
}

/// The server's side of a SCRAM exchange.
#[derive(Debug)]
pub struct ScramServer {
    mechanism: ScramMechanism,
    username: String,
    extensions: Vec<(String, String)>,
    first_bare: String,
    nonce: String,
    challenge: Option<(ScramCredential, String)>,
}

impl ScramServer {
    /// Reads the client's first message.
    ///
    /// # Errors
    /// A malformed message, or one that asks for channel binding.
    pub fn new(mechanism: ScramMechanism, client_first: &[u8]) -> Result<Self, SaslError> {
        let message = utf8(client_first)?;
        let bare = message.strip_prefix("n,").and_then(|rest| rest.split_once(','));
        let Some((authzid, first_bare)) = bare else {
            return fail("Invalid SCRAM client first message");
        };
        let username = unescape_name(attribute(first_bare, 'n')?)?;
        if let Some(authzid) = authzid.strip_prefix("a=")
            && !authzid.is_empty()
            && authzid != username
        {
            return fail("Authentication failed: Client requested an authorization id that is different from username");
        }
        let nonce = format!("{}{}", attribute(first_bare, 'r')?, random_text());
        let extensions = first_bare.split(',').skip(2).filter_map(|part| part.split_once('='));
        let extensions = extensions.map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let first_bare = first_bare.to_string();
        Ok(Self {
            mechanism,
            username,
            extensions,
            first_bare,
            nonce,
            challenge: None,
        })
    }

    /// Whose credential [`Self::challenge`] needs.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// Extensions of the first message, such as `tokenauth=true`.
    pub fn extensions(&self) -> &[(String, String)] {
        &self.extensions
    }

    /// The server's first message.
    pub fn challenge(&mut self, credential: ScramCredential) -> Vec<u8> {
        let message = format!(
            "r={},s={},i={}",
            self.nonce,
            STANDARD.encode(&credential.salt),
            credential.iterations
        );
        self.challenge = Some((credential, message.clone()));
        message.into_bytes()
    }

    /// Checks the client's proof; the answer is the server's final message.
    ///
    /// # Errors
    /// A wrong proof or nonce, a malformed message, or no challenge before it.
    pub fn verify(&self, client_final: &[u8]) -> Result<Vec<u8>, SaslError> {
        let client_final = utf8(client_final)?;
        let Some((credential, server_first)) = &self.challenge else {
            return fail("no challenge was sent");
        };
        if attribute(client_final, 'r')? != self.nonce {
            return fail("Invalid client nonce in the final client message.");
        }
        let Some((without_proof, proof)) = client_final.rsplit_once(",p=") else {
            return fail("no proof");
        };
        let auth_message = format!("{},{server_first},{without_proof}", self.first_bare);
        let signature = self.mechanism.hmac(&credential.stored_key, auth_message.as_bytes());
        let client_key = xor(&signature, &base64(proof)?);
        if !same(&self.mechanism.hash(&client_key), &credential.stored_key) {
            return fail("Invalid client credentials");
        }
        let signature = self.mechanism.hmac(&credential.server_key, auth_message.as_bytes());
        Ok(format!("v={}", STANDARD.encode(signature)).into_bytes())
    }
}

/// The one message of PLAIN: no authorization id, user, password.
pub fn plain_message(username: &str, password: &str) -> Vec<u8> {
    format!("\0{username}\0{password}").into_bytes()
}

/// User and password of a PLAIN message.
///
/// # Errors
/// A malformed message, an empty user or password, or an authorization id of somebody else.
pub fn parse_plain(message: &[u8]) -> Result<(String, String), SaslError> {
    let parts: Vec<&str> = utf8(message)?.split('\0').collect();
    let [authzid, username, password] = parts[..] else {
        return fail(format!(
            "Invalid SASL/PLAIN response: expected 3 tokens, got {}",
            parts.len()
        ));
    };
    if username.is_empty() {
        return fail("Authentication failed: username not specified");
    }
    if password.is_empty() {
        return fail("Authentication failed: password not specified");
    }
    if !authzid.is_empty() && authzid != username {
        return fail("Authentication failed: Client requested an authorization id that is different from username");
    }
    Ok((username.to_string(), password.to_string()))
}

/// The first message of OAUTHBEARER.
pub fn oauthbearer_message(token: &str, extensions: &[(String, String)]) -> Vec<u8> {
    let mut out = format!("n,,\u{1}auth=Bearer {token}\u{1}");
    for (key, value) in extensions {
        out.push_str(&format!("{key}={value}\u{1}"));
    }
    out.push('\u{1}');
    out.into_bytes()
}

/// What a client sends after the server refused its token, before the server ends the exchange.
pub const OAUTHBEARER_GIVE_UP: &[u8] = b"\x01";

/// The token and extensions of an OAUTHBEARER message.
///
/// # Errors
/// A malformed message.
pub fn parse_oauthbearer(message: &[u8]) -> Result<(String, Vec<(String, String)>), SaslError> {
    let bad = || SaslError("Invalid OAUTHBEARER client first message".into());
    let (header, rest) = utf8(message)?.split_once('\u{1}').ok_or_else(bad)?;
    if !header.starts_with("n,") || !header.ends_with(',') {
        return Err(bad());
    }
    let pairs: Vec<(&str, &str)> = rest.split('\u{1}').filter_map(|pair| pair.split_once('=')).collect();
    let auth = pairs.iter().find(|(key, _)| *key == "auth").ok_or_else(bad)?.1;
    let (scheme, token) = auth.split_once(' ').ok_or_else(bad)?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(bad());
    }
    let extensions = pairs
        .iter()
        .filter(|(key, _)| *key != "auth")
        .map(|(k, v)| (k.to_string(), v.to_string()));
    Ok((token.to_string(), extensions.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange printed in RFC 7677.
    #[test]
    fn scram_sha_256_answers_as_in_the_rfc() {
        let nonce = "rOprNGfwEbeRWgbNEkqO".to_string();
        let mut client = ScramClient::with_nonce(ScramMechanism::Sha256, "user", "pencil", &[], nonce);
        assert_eq!(client.first(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let server_first = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let last = client.last(server_first).unwrap();
        assert_eq!(
            std::str::from_utf8(&last).unwrap(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        client
            .finish(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
            .unwrap();
        assert!(
            client
                .finish(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=")
                .is_err()
        );
        assert!(client.finish(b"e=other-error").is_err());
    }

    #[test]
    fn both_sides_agree_and_only_with_the_right_password() {
        for mechanism in [ScramMechanism::Sha256, ScramMechanism::Sha512] {
            let credential = ScramCredential::new(mechanism, "pa,ss=word", b"salt".to_vec(), 4096);
            for (password, right) in [("pa,ss=word", true), ("other", false)] {
                let mut client = ScramClient::new(mechanism, "us=er,x", password, &[("tokenauth", "true")]);
                let mut server = ScramServer::new(mechanism, &client.first()).unwrap();
                assert_eq!(server.username(), "us=er,x");
                assert_eq!(server.extensions(), [("tokenauth".to_string(), "true".to_string())]);
                let last = client.last(&server.challenge(credential.clone())).unwrap();
                match server.verify(&last) {
                    Ok(end) => assert!(right && client.finish(&end).is_ok()),
                    Err(_) => assert!(!right),
                }
            }
        }
    }

    #[test]
    fn a_server_with_another_nonce_or_too_few_iterations_is_refused() {
        let mut client = ScramClient::new(ScramMechanism::Sha512, "u", "p", &[]);
        assert!(client.last(b"r=x,s=AAAA,i=4096").is_err());
        let weak = format!("r={}x,s=AAAA,i=1", client.nonce);
        assert_eq!(
            client.last(weak.as_bytes()).unwrap_err().0,
            "Requested iterations 1 is less than the minimum 4096 for SCRAM-SHA-512"
        );
    }

    #[test]
    fn plain_and_oauthbearer_messages_parse_back() {
        assert_eq!(parse_plain(&plain_message("u", "p")).unwrap(), ("u".into(), "p".into()));
        assert!(parse_plain(b"a\0b").is_err() && parse_plain(b"x\0u\0p").is_err() && parse_plain(b"\0\0p").is_err());
        let extensions = vec![("k".to_string(), "v".to_string())];
        let message = oauthbearer_message("t.o.k", &extensions);
        assert_eq!(parse_oauthbearer(&message).unwrap(), ("t.o.k".into(), extensions));
        assert!(parse_oauthbearer(b"n,,\x01auth=Basic x\x01\x01").is_err());
    }

    #[test]
    fn no_bytes_make_a_server_panic() {
        let mut seed = 7u64;
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..20)
                .map(|_| {
                    seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    b"n,=arpvsi\x00\x01 A\xc3\xa9"[(seed >> 33) as usize % 15]
                })
                .collect();
            if let Ok(mut server) = ScramServer::new(ScramMechanism::Sha256, &bytes) {
                server.challenge(ScramCredential::from_salted(
                    ScramMechanism::Sha256,
                    b"x",
                    vec![1],
                    4096,
                ));
                let _ = server.verify(&bytes);
            }
            let _ = parse_plain(&bytes);
            let _ = parse_oauthbearer(&bytes);
            let _ = ScramClient::new(ScramMechanism::Sha256, "u", "p", &[]).last(&bytes);
        }
    }
}
