//! Errors as Kafka's Java clients have them: an exception class, a text, perhaps a cause.

use std::fmt;

use crate::wire::ErrorCode;
use crate::wire::frame::FrameError;

/// An error of a broker or of the client itself.
///
/// `Display` is Java's `toString()`: `org.apache.kafka.common.errors.TimeoutException: The text.`; [`ApiError::text`]
/// is Java's `getMessage()`. What the client finds out itself carries the code a broker would have used
/// (`REQUEST_TIMED_OUT`, `NETWORK_EXCEPTION`, `SASL_AUTHENTICATION_FAILED`, `UNSUPPORTED_VERSION`), so a match on
/// [`ApiError::code`] covers both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The code of the response, or the one that comes closest.
    pub code: ErrorCode,
    /// The text that came with the code; `None` means the code's default text.
    pub message: Option<String>,
    /// Full Java class name where it is not the one of `code`.
    class: Option<&'static str>,
    /// What Java prints as `Caused by:`.
    cause: Option<Box<ApiError>>,
}

/// The failure of a whole call. The same type as a failed item, so that it can stand for each of them.
pub type AdminError = ApiError;

const KAFKA_EXCEPTION: &str = "org.apache.kafka.common.KafkaException";
const CONFIG_EXCEPTION: &str = "org.apache.kafka.common.config.ConfigException";

impl ApiError {
    /// An error code with the broker's text, if it sent one.
    pub fn new(code: impl Into<ErrorCode>, message: Option<String>) -> Self {
        Self {
            code: code.into(),
            message,
            class: None,
            cause: None,
        }
    }

    /// An error code with this text.
    pub fn with_text(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::new(code, Some(message.into()))
    }

    /// `Ok(())` for code 0; the fields of a response item otherwise.
    pub fn check(code: i16, message: Option<&str>) -> Result<(), Self> {
        match ErrorCode::from(code) {
            ErrorCode::NONE => Ok(()),
            code => Err(Self::new(code, message.map(str::to_string))),
        }
    }

    /// Kafka's `ConfigException`: bad values in properties.
    pub fn config(message: impl Into<String>) -> Self {
        Self {
            class: Some(CONFIG_EXCEPTION),
            ..Self::with_text(ErrorCode::INVALID_CONFIG, message)
        }
    }

    /// Kafka's plain `KafkaException`.
    pub fn kafka(message: impl Into<String>) -> Self {
        Self {
            class: Some(KAFKA_EXCEPTION),
            ..Self::with_text(ErrorCode::UNKNOWN_SERVER_ERROR, message)
        }
    }

    /// Any other Java exception, by its full class name.
    pub fn of_class(class: &'static str, message: impl Into<String>) -> Self {
        Self {
            class: Some(class),
            ..Self::with_text(ErrorCode::UNKNOWN_SERVER_ERROR, message)
        }
    }

    /// Kafka's `TimeoutException`.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::with_text(ErrorCode::REQUEST_TIMED_OUT, message)
    }

    /// Kafka's `DisconnectException`.
    pub fn disconnected(message: impl Into<String>) -> Self {
        let class = Some("org.apache.kafka.common.errors.DisconnectException");
        Self {
            class,
            ..Self::with_text(ErrorCode::NETWORK_EXCEPTION, message)
        }
    }

    /// Kafka's `SslAuthenticationException`: the TLS handshake failed for a reason that trying again does not cure.
    pub fn ssl(message: impl Into<String>) -> Self {
        let class = Some("org.apache.kafka.common.errors.SslAuthenticationException");
        Self {
            class,
            ..Self::with_text(ErrorCode::SASL_AUTHENTICATION_FAILED, message)
        }
    }

    /// Kafka's `SaslAuthenticationException`.
    pub fn sasl(message: impl Into<String>) -> Self {
        Self::with_text(ErrorCode::SASL_AUTHENTICATION_FAILED, message)
    }

    /// The same error with a cause.
    #[must_use]
    pub fn caused_by(mut self, cause: ApiError) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    /// Java's `getCause()`.
    pub fn cause(&self) -> Option<&ApiError> {
        self.cause.as_deref()
    }

    /// This error and its causes, outermost first: what Java prints as `Caused by:` lines.
    pub fn chain(&self) -> impl Iterator<Item = &ApiError> {
        std::iter::successors(Some(self), |e| e.cause())
    }

    /// Java's `getMessage()`: the text that came with the error, else the default text of its code.
    pub fn text(&self) -> &str {
        self.message.as_deref().unwrap_or_else(|| self.code.message())
    }

    /// The full Java class name, `org.apache.kafka.common.errors.TimeoutException`.
    pub fn exception_class(&self) -> String {
        self.class.map_or_else(|| self.code.exception_class(), str::to_string)
    }

    /// The simple Java class name, `TimeoutException`.
    pub fn exception(&self) -> &'static str {
        let full = self.class.unwrap_or_else(|| self.code.exception());
        full.rsplit('.').next().unwrap_or(full)
    }

    /// Whether Kafka's client would try again.
    pub fn is_retriable(&self) -> bool {
        match self.class {
            Some(class) => class.ends_with("DisconnectException"),
            None => self.code.is_retriable(),
        }
    }

    /// Whether no other attempt can succeed, as with a wrong password or certificate (Kafka: `AuthenticationException`).
    pub fn is_authentication(&self) -> bool {
        matches!(
            self.code,
            ErrorCode::SASL_AUTHENTICATION_FAILED
                | ErrorCode::UNSUPPORTED_SASL_MECHANISM
                | ErrorCode::ILLEGAL_SASL_STATE
        )
    }

    /// Java's `toString()` of the `ExecutionException` a failed future throws:
    /// `java.util.concurrent.ExecutionException: <this>`.
    pub fn as_execution_exception(&self) -> String {
        format!("java.util.concurrent.ExecutionException: {self}")
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.exception_class(), self.text())
    }
}

impl std::error::Error for ApiError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|e| e as _)
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self::new(code, None)
    }
}

impl From<FrameError> for ApiError {
    fn from(e: FrameError) -> Self {
        match e {
            FrameError::Encode { .. } => Self::with_text(ErrorCode::UNSUPPORTED_VERSION, e.to_string()),
            FrameError::Io(_) => Self::disconnected(e.to_string()),
            _ => Self::kafka(e.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_as_java_prints_it() {
        let e = ApiError::check(3, Some("gone")).unwrap_err();
        assert_eq!(
            e.to_string(),
            "org.apache.kafka.common.errors.UnknownTopicOrPartitionException: gone"
        );
        assert_eq!(
            ApiError::from(ErrorCode::NON_EMPTY_GROUP).text(),
            "The group is not empty."
        );
        let e = ApiError::kafka("Failed to create new KafkaAdminClient").caused_by(ApiError::config("Invalid url"));
        let classes: Vec<_> = e.chain().map(ApiError::exception).collect();
        assert_eq!(classes, ["KafkaException", "ConfigException"]);
    }

    #[test]
    fn what_the_client_would_try_again_is_retriable() {
        assert!(ApiError::disconnected("x").is_retriable());
        assert!(!ApiError::ssl("x").is_retriable());
        assert!(ApiError::timeout("x").is_retriable());
        assert!(!ApiError::config("x").is_retriable());
    }
}
