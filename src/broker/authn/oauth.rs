//! Tokens of OAUTHBEARER. Signed ones are checked against the issuer's keys (Kafka: `BrokerJwtValidator`, KIP-768); without
//! keys only unsecured ones are taken, for tests (Kafka: `OAuthBearerUnsecuredValidatorCallbackHandler`).

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

pub use super::jwks::Jwks;

/// How tokens are checked.
#[derive(Debug)]
pub enum TokenChecks {
    Unsecured(UnsecuredChecks),
    Signed(Arc<Jwks>),
}

impl Default for TokenChecks {
    fn default() -> Self {
        Self::Unsecured(UnsecuredChecks::default())
    }
}

/// Why a token is refused, as the client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    Invalid,
    InsufficientScope(String),
}

impl Refusal {
    pub fn to_json(&self) -> String {
        match self {
            Self::Invalid => "{\"status\":\"invalid_token\"}".to_owned(),
            Self::InsufficientScope(scope) => {
                format!(
                    "{{\"status\":\"insufficient_scope\", \"scope\":{}}}",
                    Value::from(scope.as_str())
                )
            }
        }
    }
}

impl TokenChecks {
    /// Who a token is for, and when it ends in milliseconds since 1970.
    pub fn check(&self, token: &str, now_ms: i64) -> Result<(String, i64), Refusal> {
        match self {
            Self::Unsecured(checks) => checks.check(token, now_ms),
            Self::Signed(jwks) => jwks.check(token, now_ms).ok_or(Refusal::Invalid),
        }
    }
}

/// A token in its parts: header and claims as JSON, the signature's bytes, and what was signed.
pub struct Jwt<'a> {
    pub header: Value,
    pub claims: Value,
    pub signature: Vec<u8>,
    pub signed: &'a str,
}

impl std::fmt::Debug for Jwt<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jwt")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl<'a> Jwt<'a> {
    pub fn parse(token: &'a str) -> Option<Self> {
        let mut parts = token.split('.');
        let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok();
        let json = |part: &str| {
            serde_json::from_slice::<Value>(&bytes(part)?)
                .ok()
                .filter(Value::is_object)
        };
        Some(Self {
            header: json(header)?,
            claims: json(claims)?,
            signature: bytes(signature)?,
            signed: &token[..header.len() + 1 + claims.len()],
        })
    }

    /// A claim of seconds since 1970, in milliseconds.
    pub fn time_ms(&self, claim: &str) -> Option<i64> {
        let seconds = self.claims[claim].as_f64()?;
        Some((seconds * 1000.0) as i64)
    }

    pub fn text(&self, claim: &str) -> Option<String> {
        let text = self.claims[claim].as_str()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A claim that is a text or a list of texts.
    pub fn texts(&self, claim: &str) -> Vec<String> {
        match &self.claims[claim] {
            Value::String(text) => vec![text.clone()],
            Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }
}

/// The options of the JAAS configuration for unsecured tokens.
#[derive(Debug)]
pub struct UnsecuredChecks {
    principal_claim: String,
    scope_claim: String,
    required_scope: Vec<String>,
    skew_ms: i64,
}

impl Default for UnsecuredChecks {
    fn default() -> Self {
        Self::new(&BTreeMap::new())
    }
}

impl UnsecuredChecks {
    pub fn new(options: &BTreeMap<String, String>) -> Self {
        let option = |name: &str| {
            let value = options.get(&format!("unsecuredValidator{name}"));
            value.map(|v| v.trim()).filter(|v| !v.is_empty())
        };
        Self {
            principal_claim: option("PrincipalClaimName").unwrap_or("sub").to_owned(),
            scope_claim: option("ScopeClaimName").unwrap_or("scope").to_owned(),
            required_scope: option("RequiredScope").map(words).unwrap_or_default(),
            skew_ms: option("AllowableClockSkewMs")
                .and_then(|v| v.parse().ok())
                .unwrap_or(0)
                .max(0),
        }
    }

    fn check(&self, token: &str, now_ms: i64) -> Result<(String, i64), Refusal> {
        let jwt = Jwt::parse(token).ok_or(Refusal::Invalid)?;
        // A signature nobody checks is no good.
        if jwt.header["alg"] != "none" || !jwt.signature.is_empty() {
            return Err(Refusal::Invalid);
        }
        let user = jwt.text(&self.principal_claim).ok_or(Refusal::Invalid)?;
        let expires = jwt.time_ms("exp").ok_or(Refusal::Invalid)?;
        let issued = jwt.time_ms("iat");
        let is_early = issued.is_some_and(|at| at > now_ms + self.skew_ms || at >= expires);
        if is_early || now_ms - self.skew_ms >= expires {
            return Err(Refusal::Invalid);
        }
        let scope: Vec<String> = jwt.texts(&self.scope_claim).iter().flat_map(|s| words(s)).collect();
        if !self.required_scope.iter().all(|s| scope.contains(s)) {
            return Err(Refusal::InsufficientScope(self.required_scope.join(" ")));
        }
        Ok((user, expires))
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str, signature: &str) -> String {
        let encode = |json: &str| URL_SAFE_NO_PAD.encode(json);
        format!("{}.{}.{signature}", encode(header), encode(claims))
    }

    const NONE: &str = "{\"alg\":\"none\"}";

    #[test]
    fn an_unsecured_token_counts_until_it_expires() {
        let claims = "{\"sub\":\"alice\",\"exp\":100,\"iat\":50}";
        let check = |token: &str, now_ms| UnsecuredChecks::default().check(token, now_ms);
        assert_eq!(
            check(&token(NONE, claims, ""), 99_000),
            Ok(("alice".to_owned(), 100_000))
        );
        let invalid = Err(Refusal::Invalid);
        assert_eq!(check(&token(NONE, claims, ""), 100_000), invalid);
        assert_eq!(check(&token(NONE, claims, ""), 49_000), invalid, "from the future");
        assert_eq!(check(&token("{\"alg\":\"HS256\"}", claims, ""), 60_000), invalid);
        assert_eq!(
            check(&token(NONE, claims, "c2ln"), 60_000),
            invalid,
            "a signature nobody checks"
        );
        assert_eq!(check("x.y", 60_000), invalid);
        assert_eq!(check(&token(NONE, "[]", ""), 60_000), invalid);
    }

    #[test]
    fn options_of_the_validator() {
        let options = [
            ("unsecuredValidatorPrincipalClaimName", "who"),
            ("unsecuredValidatorScopeClaimName", "may"),
            ("unsecuredValidatorRequiredScope", "a b"),
            ("unsecuredValidatorAllowableClockSkewMs", "3000"),
        ];
        let options = options.map(|(k, v)| (k.to_owned(), v.to_owned()));
        let checks = UnsecuredChecks::new(&BTreeMap::from(options));
        let claims = |may: &str| format!("{{\"who\":\"bob\",\"exp\":100,\"may\":{may}}}");
        let check = |may: &str, now_ms| checks.check(&token(NONE, &claims(may), ""), now_ms);
        assert!(check("\"a b c\"", 102_000).is_ok() && check("[\"b\",\"a\"]", 0).is_ok());
        assert_eq!(check("\"a b\"", 103_000), Err(Refusal::Invalid));
        let refusal = check("\"a\"", 0).unwrap_err();
        assert_eq!(
            refusal.to_json(),
            "{\"status\":\"insufficient_scope\", \"scope\":\"a b\"}"
        );
    }
}
