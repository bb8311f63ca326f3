//! Signed tokens (Kafka: `BrokerJwtValidator`, `RefreshingHttpsJwks`, `JwksFileVerificationKeyResolver`; KIP-768): the
//! issuer's keys from a JWKS, by `file:` or `http(s):`, and the claims a token must have.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::RwLock;
use ring::signature as sig;
use serde_json::Value;
use tokio::sync::Notify;

use super::oauth::Jwt;
use crate::broker::config::BrokerConfig;
use crate::broker::node::Node;

/// A JWKS is a few kilobytes.
const MAX_BYTES: u64 = 1 << 20;
/// How long the keys' server may take.
#[cfg(feature = "client")]
const TIMEOUT: Duration = Duration::from_secs(10);
/// Keys nobody knows make us look at most this often.
const LEAST_BETWEEN_LOADS: Duration = Duration::from_secs(10);

/// The issuer's keys, and what tokens must say.
#[derive(Debug)]
pub struct Jwks {
    url: String,
    keys: RwLock<Vec<Key>>,
    refresh: Duration,
    /// Somebody came with a key that is not here.
    missed: Notify,
    audiences: Vec<String>,
    issuer: Option<String>,
    sub_claim: String,
    skew_ms: i64,
}

#[derive(Debug, PartialEq, Eq)]
struct Key {
    id: Option<String>,
    material: Material,
}

#[derive(Debug, PartialEq, Eq)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// Curve and uncompressed point.
    Ec {
        curve: Curve,
        point: Vec<u8>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Curve {
    P256,
    P384,
}

impl Jwks {
    /// Loads the keys; `key` looks up `sasl.oauthbearer.*` of the listener.
    ///
    /// # Errors
    /// Keys that cannot be read, with the reason.
    pub fn load(url: &str, config: &BrokerConfig, key: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let key = |name: &str| key(&format!("sasl.oauthbearer.{name}")).filter(|v| !v.trim().is_empty());
        let number = |name: &str| {
            let own = key(name).and_then(|v| v.trim().parse().ok());
            own.unwrap_or_else(|| config.i64(&format!("sasl.oauthbearer.{name}")))
        };
        let audiences = key("expected.audience").map(|v| crate::broker::config::def::split_list(&v));
        Ok(Self {
            url: url.to_owned(),
            keys: RwLock::new(parse(&read(url)?).map_err(|e| format!("{url}: {e}"))?),
            refresh: Duration::from_millis(number("jwks.endpoint.refresh.ms").max(1000).unsigned_abs()),
            missed: Notify::new(),
            audiences: audiences.unwrap_or_default(),
            issuer: key("expected.issuer"),
            sub_claim: key("sub.claim.name").unwrap_or_else(|| "sub".to_owned()),
            skew_ms: number("clock.skew.seconds").max(0).saturating_mul(1000),
        })
    }

    /// Loads the keys again every so often, and when a token names one that is not there, until the broker stops. Keys
    /// that cannot be read leave those there are.
    pub async fn run(self: Arc<Self>, node: Arc<Node>) {
        let mut shutdown = node.shutdown_signal();
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.refresh) => {}
                () = self.missed.notified() => {}
                _ = shutdown.wait_for(|stop| *stop) => return,
            }
            let url = self.url.clone();
            let loaded = tokio::task::spawn_blocking(move || read(&url).and_then(|text| parse(&text))).await;
            match loaded {
                Ok(Ok(keys)) => *self.keys.write() = keys,
                Ok(Err(e)) => node.log(&format!("keys of {} not read: {e}", self.url)),
                Err(_) => return,
            }
            tokio::select! {
                () = tokio::time::sleep(LEAST_BETWEEN_LOADS) => {}
                _ = shutdown.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Who a token is for, and when it ends in milliseconds since 1970.
    pub fn check(&self, token: &str, now_ms: i64) -> Option<(String, i64)> {
        let jwt = Jwt::parse(token)?;
        self.check_signature(&jwt)?;
        let expires = jwt.time_ms("exp")?;
        jwt.time_ms("iat")?;
        let is_early = jwt.time_ms("nbf").is_some_and(|at| at > now_ms + self.skew_ms);
        if is_early || now_ms - self.skew_ms >= expires {
            return None;
        }
        if self
            .issuer
            .as_ref()
            .is_some_and(|issuer| jwt.claims["iss"] != issuer.as_str())
        {
            return None;
        }
        let named = jwt.texts("aud");
        if !self.audiences.is_empty() && !self.audiences.iter().any(|a| named.contains(a)) {
            return None;
        }
        Some((jwt.text(&self.sub_claim)?, expires))
    }

    fn check_signature(&self, jwt: &Jwt<'_>) -> Option<()> {
        let algorithm = jwt.header["alg"].as_str()?;
        let id = jwt.header["kid"].as_str();
        let keys = self.keys.read();
        let is_named = |key: &&Key| id.is_none_or(|id| key.id.as_deref() == Some(id));
        if keys.iter().filter(is_named).any(|key| key.verifies(algorithm, jwt)) {
            return Some(());
        }
        if !keys.iter().any(|key| is_named(&key)) {
            self.missed.notify_one();
        }
        None
    }
}

impl Key {
    fn verifies(&self, algorithm: &str, jwt: &Jwt<'_>) -> bool {
        let (message, signature) = (jwt.signed.as_bytes(), &jwt.signature);
        match &self.material {
            Material::Rsa { n, e } => {
                let parameters = match algorithm {
                    "RS256" => &sig::RSA_PKCS1_2048_8192_SHA256,
                    "RS384" => &sig::RSA_PKCS1_2048_8192_SHA384,
                    "RS512" => &sig::RSA_PKCS1_2048_8192_SHA512,
                    "PS256" => &sig::RSA_PSS_2048_8192_SHA256,
                    "PS384" => &sig::RSA_PSS_2048_8192_SHA384,
                    "PS512" => &sig::RSA_PSS_2048_8192_SHA512,
                    _ => return false,
                };
                let key = sig::RsaPublicKeyComponents { n, e };
                key.verify(parameters, message, signature).is_ok()
            }
            Material::Ec { curve, point } => {
                let verification: &dyn sig::VerificationAlgorithm = match (algorithm, curve) {
                    ("ES256", Curve::P256) => &sig::ECDSA_P256_SHA256_FIXED,
                    ("ES384", Curve::P384) => &sig::ECDSA_P384_SHA384_FIXED,
                    _ => return false,
                };
                let key = sig::UnparsedPublicKey::new(verification, point);
                key.verify(message, signature).is_ok()
            }
        }
    }
}

/// Keys for signatures; others in the set are left out.
fn parse(text: &str) -> Result<Vec<Key>, String> {
    let json: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let keys = json["keys"].as_array().ok_or("no \"keys\"")?;
    let keys: Vec<Key> = keys.iter().filter_map(parse_key).collect();
    if keys.is_empty() {
        return Err("no usable key".to_owned());
    }
    Ok(keys)
}

fn parse_key(json: &Value) -> Option<Key> {
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(json[name].as_str()?.trim_end_matches('=')).ok();
    if json["use"].as_str().is_some_and(|u| u != "sig") {
        return None;
    }
    let material = match (json["kty"].as_str()?, json["crv"].as_str()) {
        ("RSA", _) => Material::Rsa {
            n: bytes("n")?,
            e: bytes("e")?,
        },
        ("EC", Some(curve)) => {
            let curve = match curve {
                "P-256" => Curve::P256,
                "P-384" => Curve::P384,
                _ => return None,
            };
            Material::Ec {
                curve,
                point: [vec![4], bytes("x")?, bytes("y")?].concat(),
            }
        }
        _ => return None,
    };
    let id = json["kid"].as_str().map(str::to_owned);
    Some(Key { id, material })
}

fn read(url: &str) -> Result<String, String> {
    let failed = |e: &dyn std::fmt::Display| format!("{url}: {e}");
    if let Some(path) = url.strip_prefix("file:") {
        use std::io::Read;
        // file:/x, file:///x, or a relative path
        let path = path.strip_prefix("//").unwrap_or(path);
        let file = std::fs::File::open(path).map_err(|e| failed(&e))?;
        let mut text = String::new();
        file.take(MAX_BYTES).read_to_string(&mut text).map_err(|e| failed(&e))?;
        return Ok(text);
    }
    fetch(url).map_err(|e| failed(&e))
}

#[cfg(feature = "client")]
fn fetch(url: &str) -> Result<String, String> {
    let agent = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).build();
    let mut response = ureq::Agent::new_with_config(agent)
        .get(url)
        .call()
        .map_err(|e| e.to_string())?;
    let body = response.body_mut().with_config().limit(MAX_BYTES);
    body.read_to_string().map_err(|e| e.to_string())
}

#[cfg(not(feature = "client"))]
fn fetch(_url: &str) -> Result<String, String> {
    Err("only file: without the feature client".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::config::Props;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

    struct Issuer {
        key: EcdsaKeyPair,
        id: &'static str,
    }

    impl Issuer {
        fn new(id: &'static str) -> Self {
            let random = SystemRandom::new();
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
            let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
            Self { key, id }
        }

        fn jwk(&self) -> Value {
            let point = self.key.public_key().as_ref();
            let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            serde_json::json!({"kty": "EC", "crv": "P-256", "kid": self.id, "x": text(&point[1..33]), "y": text(&point[33..])})
        }

        fn sign(&self, claims: &str) -> String {
            let header = format!("{{\"alg\":\"ES256\",\"kid\":\"{}\"}}", self.id);
            let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
            let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
        }
    }

    fn jwks(keys: &[Value], settings: &[(&str, &str)]) -> Jwks {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), serde_json::json!({ "keys": keys }).to_string()).unwrap();
        let config = BrokerConfig::new(Props::new()).unwrap();
        let find = |key: &str| {
            settings
                .iter()
                .find(|(k, _)| key == format!("sasl.oauthbearer.{k}"))
                .map(|(_, v)| v.to_string())
        };
        Jwks::load(&format!("file://{}", file.path().display()), &config, find).unwrap()
    }

    const CLAIMS: &str = "{\"sub\":\"alice\",\"exp\":100,\"iat\":50,\"iss\":\"me\",\"aud\":[\"kafka\",\"x\"]}";

    #[test]
    fn signatures_count() {
        let (issuer, other) = (Issuer::new("a"), Issuer::new("a"));
        let jwks = jwks(&[issuer.jwk()], &[]);
        let token = issuer.sign(CLAIMS);
        assert_eq!(jwks.check(&token, 60_000), Some(("alice".to_owned(), 100_000)));
        assert_eq!(
            jwks.check(&other.sign(CLAIMS), 60_000),
            None,
            "another key of the same name"
        );
        assert_eq!(
            jwks.check(&Issuer::new("b").sign(CLAIMS), 60_000),
            None,
            "an unknown key"
        );
        let forged = token.replacen('.', &format!(".{}", URL_SAFE_NO_PAD.encode("x")), 1);
        assert_eq!(jwks.check(&forged, 60_000), None);
        let none = format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode("{\"alg\":\"none\"}"),
            URL_SAFE_NO_PAD.encode(CLAIMS)
        );
        assert_eq!(jwks.check(&none, 60_000), None);
        for cut in 0..token.len() {
            assert_eq!(jwks.check(&token[..cut], 60_000), None);
        }
    }

    #[test]
    fn claims_count() {
        let issuer = Issuer::new("a");
        let settings = |name, value| {
            jwks(&[issuer.jwk()], &[(name, value)])
                .check(&issuer.sign(CLAIMS), 60_000)
                .is_some()
        };
        assert!(settings("expected.audience", "other,kafka") && !settings("expected.audience", "other"));
        assert!(settings("expected.issuer", "me") && !settings("expected.issuer", "you"));
        assert!(settings("sub.claim.name", "iss") && !settings("sub.claim.name", "nobody"));
        let at = |now_ms| jwks(&[issuer.jwk()], &[]).check(&issuer.sign(CLAIMS), now_ms).is_some();
        assert!(at(129_999) && !at(130_000), "30 seconds of skew");
        let lacking = |claims: &str| jwks(&[issuer.jwk()], &[]).check(&issuer.sign(claims), 60_000);
        assert_eq!(lacking("{\"sub\":\"a\",\"exp\":100}"), None);
        assert_eq!(lacking("{\"sub\":\"a\",\"iat\":50}"), None);
        assert_eq!(lacking("{\"sub\":\"a\",\"exp\":100,\"iat\":50,\"nbf\":95}"), None);
    }

    /// The example of RFC 7515, A.2: RS256.
    #[test]
    fn an_rsa_signature_of_the_standard() {
        let key = serde_json::json!({"kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"});
        let keys = parse(&serde_json::json!({ "keys": [key] }).to_string()).unwrap();
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
        let jwt = Jwt::parse(token).unwrap();
        assert!(keys[0].verifies("RS256", &jwt));
        assert!(!keys[0].verifies("RS512", &jwt) && !keys[0].verifies("none", &jwt));
    }

    #[test]
    fn what_is_no_key_set_is_told() {
        for bad in [
            "",
            "[]",
            "{}",
            "{\"keys\":[]}",
            "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(read("file:///no/such/file").unwrap_err().contains("/no/such/file"));
    }
}
