//! OAUTHBEARER tokens: unsecured ones made here for tests, or fetched from a token endpoint by client credentials
//! (Kafka: `OAuthBearerUnsecuredLoginCallbackHandler`, `ClientCredentialsJwtRetriever`; KIP-255, KIP-768, KIP-1139).

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::jaas::JaasEntry;
use super::props::Properties;

/// A bearer token and what goes with it.
#[derive(Clone)]
pub struct Token {
    /// Three parts in base64, dots between.
    pub value: String,
    /// `sub`, or the claim that was configured in its place.
    pub principal: String,
    /// Milliseconds since 1970.
    pub expires_ms: i64,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("principal", &self.principal)
            .field("expires_ms", &self.expires_ms)
            .finish()
    }
}

#[derive(Clone)]
enum Kind {
    Unsecured(Vec<(String, String)>),
    Endpoint(Endpoint),
    File(String),
}

#[derive(Clone)]
struct Endpoint {
    url: String,
    client_id: String,
    client_secret: String,
    scope: Option<String>,
    url_encode_header: bool,
    timeout: Duration,
}

/// Where tokens come from; keeps the current one until it is nearly over.
#[derive(Clone)]
pub struct TokenSource {
    kind: Arc<Kind>,
    /// SASL extensions, sent with the token.
    extensions: Vec<(String, String)>,
    current: Arc<Mutex<Option<Token>>>,
}

impl std::fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenSource")
    }
}

/// A token with less time left than this is replaced.
const SPARE_MS: i64 = 60_000;

impl TokenSource {
    /// From the options of `OAuthBearerLoginModule` and the `sasl.oauthbearer.*` properties.
    ///
    /// # Errors
    /// A handler class that only a JVM could load, or a token endpoint without client id or secret.
    pub fn new(entry: &JaasEntry, props: &Properties) -> Result<Self, ApiError> {
        let handler = props.get("sasl.login.callback.handler.class").unwrap_or_default();
        let simple = handler.rsplit('.').next().unwrap_or_default();
        let endpoint = props.get("sasl.oauthbearer.token.endpoint.url");
        let kind = match (simple, endpoint) {
            ("OAuthBearerLoginCallbackHandler" | "", Some(url)) => match url.strip_prefix("file:") {
                Some(path) => Kind::File(path.trim_start_matches("//").to_string()),
                None => Kind::Endpoint(endpoint_of(url, entry, props)?),
            },
            ("OAuthBearerUnsecuredLoginCallbackHandler" | "", None) => Kind::Unsecured(entry.options.clone()),
            ("OAuthBearerLoginCallbackHandler", None) => {
                return Err(ApiError::config(
                    "The OAuth configuration option sasl.oauthbearer.token.endpoint.url must be non-null",
                ));
            }
            _ => {
                return Err(ApiError::kafka(format!(
                    "sasl.login.callback.handler.class={handler} needs a JVM and is not supported"
                )));
            }
        };
        let prefix = if matches!(kind, Kind::Unsecured(_)) {
            "unsecuredLoginExtension_"
        } else {
            "extension_"
        };
        let extension = |(k, v): &(String, String)| Some((k.strip_prefix(prefix)?.to_string(), v.clone()));
        let extensions = entry.options.iter().filter_map(extension).collect();
        Ok(Self {
            kind: Arc::new(kind),
            extensions,
            current: Arc::default(),
        })
    }

    /// SASL extensions to send with the token.
    pub fn extensions(&self) -> &[(String, String)] {
        &self.extensions
    }

    /// A token that is good for at least another minute. Blocks while it is fetched.
    ///
    /// # Errors
    /// The endpoint cannot be reached, refuses, or answers with something else than a token.
    pub fn token(&self) -> Result<Token, ApiError> {
        let mut current = self.current.lock();
        if let Some(token) = current.as_ref().filter(|t| t.expires_ms > now_ms() + SPARE_MS) {
            return Ok(token.clone());
        }
        let token = match &*self.kind {
            Kind::Unsecured(options) => unsecured(options, now_ms())?,
            Kind::Endpoint(endpoint) => parse_jwt(&endpoint.fetch()?)?,
            Kind::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|e| refused(format!("{path}: {e}")))?;
                parse_jwt(text.trim())?
            }
        };
        *current = Some(token.clone());
        Ok(token)
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn refused(text: String) -> ApiError {
    ApiError::sasl(format!("An error occurred while retrieving the OAuth token: {text}"))
}

fn endpoint_of(url: &str, entry: &JaasEntry, props: &Properties) -> Result<Endpoint, ApiError> {
    let either = |key: &str, option: &str| {
        props
            .get(key)
            .or_else(|| entry.option(option))
            .filter(|v| !v.is_empty())
            .map(str::to_string)
    };
    let needed = |key: &str, option: &str| {
        let missing = || {
            ApiError::config(format!(
                "The OAuth configuration option {option} value must be non-null"
            ))
        };
        either(key, option).ok_or_else(missing)
    };
    let millis = |key: &str| props.get(key).and_then(|v| v.trim().parse().ok());
    let timeout = millis("sasl.login.read.timeout.ms")
        .or(millis("sasl.login.connect.timeout.ms"))
        .unwrap_or(10_000);
    Ok(Endpoint {
        url: url.to_string(),
        client_id: needed("sasl.oauthbearer.client.credentials.client.id", "clientId")?,
        client_secret: needed("sasl.oauthbearer.client.credentials.client.secret", "clientSecret")?,
        scope: either("sasl.oauthbearer.scope", "scope"),
        url_encode_header: props
            .get("sasl.oauthbearer.header.urlencode")
            .is_some_and(|v| v.eq_ignore_ascii_case("true")),
        timeout: Duration::from_millis(timeout),
    })
}

impl Endpoint {
    /// The access token of a client-credentials grant (RFC 6749, section 4.4).
    fn fetch(&self) -> Result<String, ApiError> {
        let encode = |s: &str| {
            if self.url_encode_header {
                percent_encode(s)
            } else {
                s.to_string()
            }
        };
        let credentials = STANDARD.encode(format!("{}:{}", encode(&self.client_id), encode(&self.client_secret)));
        let mut body = "grant_type=client_credentials".to_string();
        if let Some(scope) = self.scope.as_deref().map(str::trim).filter(|s| !s.is_empty()) {
            body.push_str(&format!("&scope={}", percent_encode(scope)));
        }
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(self.timeout))
            .http_status_as_error(false)
            .build()
            .into();
        let mut answer = agent
            .post(&self.url)
            .header("Authorization", format!("Basic {credentials}"))
            .header("Accept", "application/json")
            .header("Cache-Control", "no-cache")
            .content_type("application/x-www-form-urlencoded")
            .send(body)
            .map_err(|e| refused(e.to_string()))?;
        let status = answer.status().as_u16();
        let text = answer
            .body_mut()
            .with_config()
            .limit(1 << 20)
            .read_to_string()
            .map_err(|e| refused(e.to_string()))?;
        if !matches!(status, 200 | 201) {
            return Err(refused(format!(
                "The response code {status} and error response {} was encountered reading the token endpoint response",
                error_of(&text)
            )));
        }
        let json: Value = serde_json::from_str(&text).map_err(|e| refused(e.to_string()))?;
        let token = json
            .get("access_token")
            .or_else(|| json.get("id_token"))
            .and_then(Value::as_str);
        token
            .map(str::to_string)
            .ok_or_else(|| refused("The token endpoint response did not contain an access_token value".into()))
    }
}

/// What RFC 6749 section 5.2 puts into an error response; other bodies are not shown.
fn error_of(body: &str) -> String {
    let json: Option<Value> = serde_json::from_str(body).ok();
    let field = |key: &str| {
        json.as_ref()
            .and_then(|j| j.get(key))
            .map(Value::to_string)
            .unwrap_or_default()
    };
    format!("{{{} - {}}}", field("error"), field("error_description"))
}

fn percent_encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'*');
    text.bytes()
        .map(|b| match b {
            b' ' => "+".to_string(),
            b if plain(b) => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect()
}

/// A token without a signature, from `unsecuredLoginStringClaim_sub="admin"` and its kind.
fn unsecured(options: &[(String, String)], now_ms: i64) -> Result<Token, ApiError> {
    let option = |key: &str| options.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
    let lifetime = option("unsecuredLoginLifetimeSeconds").unwrap_or("3600");
    let lifetime: i64 = lifetime
        .trim()
        .parse()
        .map_err(|_| ApiError::kafka(format!("For input string: \"{lifetime}\"")))?;
    let issued = now_ms as f64 / 1000.0;
    let expires_ms = now_ms.saturating_add(lifetime.saturating_mul(1000));
    let mut claims = Map::new();
    claims.insert("exp".into(), json!(expires_ms as f64 / 1000.0));
    claims.insert("iat".into(), json!(issued));
    for (key, value) in options {
        let Some((kind, name)) = key
            .strip_prefix("unsecuredLogin")
            .and_then(|rest| rest.split_once("Claim_"))
        else {
            continue;
        };
        if matches!(name, "iat" | "exp") {
            return Err(ApiError::kafka(format!("Cannot explicitly set the '{name}' claim")));
        }
        let claim = match kind {
            "String" => json!(value),
            "Number" => json!(
                value
                    .trim()
                    .parse::<f64>()
                    .map_err(|e| ApiError::kafka(e.to_string()))?
            ),
            // The first character is the separator.
            "List" => match value.chars().next() {
                Some(c) => json!(
                    value[c.len_utf8()..]
                        .split(c)
                        .filter(|s| !s.is_empty())
                        .collect::<Vec<_>>()
                ),
                None => json!([]),
            },
            _ => continue,
        };
        claims.insert(name.to_string(), claim);
    }
    let principal_claim = option("unsecuredLoginPrincipalClaimName")
        .map(str::trim)
        .filter(|n| !n.is_empty())
        .unwrap_or("sub");
    let principal = claims
        .get(principal_claim)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_string();
    if principal.is_empty() {
        return Err(ApiError::kafka(format!(
            "No principal name in JWT claim: {principal_claim}"
        )));
    }
    let part = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
    let value = format!("{}.{}.", part(&json!({"alg": "none"})), part(&Value::Object(claims)));
    Ok(Token {
        value,
        principal,
        expires_ms,
    })
}

/// Principal and expiry of a token; its signature is the broker's business.
fn parse_jwt(token: &str) -> Result<Token, ApiError> {
    let bad = || refused("the token endpoint answered with something that is no JWT".into());
    let claims = token.split('.').nth(1).ok_or_else(bad)?;
    let claims = URL_SAFE_NO_PAD
        .decode(claims.trim_end_matches('='))
        .map_err(|_| bad())?;
    let claims: Value = serde_json::from_slice(&claims).map_err(|_| bad())?;
    let expires = claims.get("exp").and_then(Value::as_f64).ok_or_else(bad)?;
    let principal = claims
        .get("sub")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_string();
    Ok(Token {
        value: token.to_string(),
        principal,
        expires_ms: (expires * 1000.0) as i64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(jaas: &str, props: &[(&str, &str)]) -> Result<TokenSource, ApiError> {
        TokenSource::new(&JaasEntry::parse(jaas).unwrap(), &props.iter().copied().collect())
    }

    const MODULE: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required";

    #[test]
    fn an_unsecured_token_has_the_claims_of_the_options() {
        let jaas = format!(
            "{MODULE} unsecuredLoginStringClaim_sub=\"admin\" unsecuredLoginListClaim_scope=\",a,b\" \
             unsecuredLoginNumberClaim_n=\"1.5\" unsecuredLoginExtension_trace=\"x\";"
        );
        let source = source(&jaas, &[]).unwrap();
        let token = source.token().unwrap();
        assert_eq!((token.principal.as_str(), source.extensions().len()), ("admin", 1));
        let parts: Vec<&str> = token.value.split('.').collect();
        assert_eq!((parts.len(), parts[2]), (3, ""));
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
        assert_eq!(
            (&claims["sub"], &claims["scope"], &claims["n"]),
            (&json!("admin"), &json!(["a", "b"]), &json!(1.5))
        );
        assert!(parse_jwt(&token.value).unwrap().expires_ms > now_ms() + 3_500_000);
        assert_eq!(source.token().unwrap().value, token.value, "kept while it is good");
    }

    #[test]
    fn a_token_needs_a_principal_and_an_endpoint_needs_credentials() {
        let e = source(&format!("{MODULE} unsecuredLoginStringClaim_x=\"y\";"), &[])
            .unwrap()
            .token()
            .unwrap_err();
        assert_eq!(e.text(), "No principal name in JWT claim: sub");
        let url = [("sasl.oauthbearer.token.endpoint.url", "http://127.0.0.1:1/t")];
        let e = source(&format!("{MODULE};"), &url).unwrap_err();
        assert_eq!(
            e.text(),
            "The OAuth configuration option clientId value must be non-null"
        );
    }

    #[test]
    fn a_token_is_fetched_by_client_credentials() {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"svc","exp":99999999999}"#);
        let body = format!(r#"{{"access_token":"e30.{claims}.sig","token_type":"Bearer"}}"#);
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut seen = String::new();
            let mut buffer = [0; 4096];
            while !seen.contains("grant_type") {
                let n = stream.read(&mut buffer).unwrap();
                seen.push_str(&String::from_utf8_lossy(&buffer[..n]));
            }
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
            seen
        });
        let props = [
            ("sasl.oauthbearer.token.endpoint.url", url.as_str()),
            (
                "sasl.login.callback.handler.class",
                "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler",
            ),
        ];
        let jaas = format!("{MODULE} clientId=\"id\" clientSecret=\"secret\" scope=\"a b\" extension_k=\"v\";");
        let source = source(&jaas, &props).unwrap();
        assert_eq!(source.token().unwrap().principal, "svc");
        assert_eq!(source.extensions(), [("k".to_string(), "v".to_string())]);
        let seen = server.join().unwrap();
        assert!(seen.contains("grant_type=client_credentials&scope=a+b"), "{seen}");
        assert!(seen.contains(&STANDARD.encode("id:secret")), "{seen}");
    }
}
