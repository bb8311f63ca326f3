//! How a command ends, and the one place where that becomes an exit code.

use std::fmt;
use std::io;

use super::ui::Manner;

pub type CliResult<T = ()> = Result<T, CliError>;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum CliError {
    /// The command line is wrong: the message, then (where the script does so) the whole help, on stderr.
    Usage { message: String, help: bool },
    /// The command failed: the message on stderr. `script_exit` is what Kafka's script exits with, its lies included.
    Failed { message: String, script_exit: u8 },
    /// The command failed and has said so itself, in Kafka's words and on Kafka's streams.
    Told { script_exit: u8 },
    /// Ends with this code in both manners (`kt dev` passes its child's code on, `--help` of a script exits 1).
    Exit(u8),
    /// Writing or reading failed. A closed pipe is no error.
    Io(io::Error),
}

impl CliError {
    /// A wrong command line, told in one line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            help: false,
        }
    }

    /// A wrong command line, told with the help behind it (`CommandLineUtils.printUsageAndExit`).
    pub fn usage_with_help(message: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            help: true,
        }
    }

    /// A failure that the script admits to: exit 1 in both manners.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            script_exit: 1,
        }
    }

    /// A failure after which Kafka's script exits 0 all the same.
    pub fn failed_quietly(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            script_exit: 0,
        }
    }

    /// A failure already printed; the script exits 1 too.
    pub fn told() -> Self {
        Self::Told { script_exit: 1 }
    }

    /// A failure already printed, after which Kafka's script exits 0.
    pub fn told_quietly() -> Self {
        Self::Told { script_exit: 0 }
    }

    /// The process's exit code. By the script's name it is Kafka's; as `kt TOOL` every failure is 1.
    pub fn exit_code(&self, manner: Manner) -> u8 {
        match (self, manner) {
            (Self::Exit(code), _) => *code,
            (Self::Io(e), _) if e.kind() == io::ErrorKind::BrokenPipe => 0,
            (Self::Failed { script_exit, .. } | Self::Told { script_exit }, Manner::Script) => *script_exit,
            _ => 1,
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { message, .. } | Self::Failed { message, .. } => f.write_str(message),
            Self::Told { .. } | Self::Exit(_) => Ok(()),
            Self::Io(e) => write!(f, "{e}"),
        }
    }
}

impl std::error::Error for CliError {}

impl From<io::Error> for CliError {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

/// A client that could not be made: Java's message, and its causes on lines of their own.
impl From<crate::client::AdminError> for CliError {
    fn from(e: crate::client::AdminError) -> Self {
        let causes = e.chain().skip(1).map(|cause| format!("\nCaused by: {cause}"));
        Self::failed(std::iter::once(e.text().to_string()).chain(causes).collect::<String>())
    }
}

impl From<super::compat::opts::OptError> for CliError {
    fn from(e: super::compat::opts::OptError) -> Self {
        Self::usage(e.to_string())
    }
}
