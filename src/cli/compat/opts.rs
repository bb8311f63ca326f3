//! Option tables, and a parser that reads a command line as jopt-simple 5.0.4 does for Kafka's tools.
//!
//! One dash or two, `--name value` and `--name=value`; a required value swallows the next word whatever it looks like, an
//! optional one only a word that is no option; positional words are ignored; values are converted when they are read.
//! Called as `kt TOOL`, unique prefixes of names are accepted too, and so are the options beyond the script's.

use std::fmt;

use crate::cli::Manner;

/// Whether an option has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    Flag,
    Required,
    Optional,
}

/// One option of a tool.
#[derive(Clone, Copy, Debug)]
pub struct Opt {
    /// The name without dashes.
    pub name: &'static str,
    pub short: Option<char>,
    pub arity: Arity,
    /// As help shows it: `String: server to connect to`.
    pub value_name: &'static str,
    pub help: &'static str,
    pub default: Option<&'static str>,
    /// The parser itself insists on it (`OptionSpecBuilder.required()`).
    pub required: bool,
    pub deprecated: bool,
    /// Not one of Kafka's: accepted as `kt TOOL` only.
    pub beyond: bool,
}

impl Opt {
    const fn new(name: &'static str, arity: Arity, value_name: &'static str) -> Self {
        Self {
            name,
            short: None,
            arity,
            value_name,
            help: "",
            default: None,
            required: false,
            deprecated: false,
            beyond: false,
        }
    }

    /// An option without a value.
    pub const fn flag(name: &'static str) -> Self {
        Self::new(name, Arity::Flag, "")
    }

    /// An option with a value.
    pub const fn value(name: &'static str, value_name: &'static str) -> Self {
        Self::new(name, Arity::Required, value_name)
    }

    /// An option whose value may be left out.
    /// A number may be negative, and what is no number is no value where the value is optional.
    fn is_number(&self) -> bool {
        ["Long", "Integer"].iter().any(|kind| self.value_name.starts_with(kind))
    }

    pub const fn optional(name: &'static str, value_name: &'static str) -> Self {
        Self::new(name, Arity::Optional, value_name)
    }

    pub const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    pub const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub const fn deprecated(mut self) -> Self {
        self.deprecated = true;
        self
    }

    /// Not in Kafka's script.
    pub const fn beyond(mut self) -> Self {
        self.beyond = true;
        self
    }

    pub const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }
}

/// Options that every tool has as `kt TOOL`.
pub const COMMON: &[Opt] = &[
    Opt::value("output", "FORMAT")
        .short('o')
        .beyond()
        .help("How to print data: kafka, table, json, jsonl or csv."),
    Opt::value("context", "NAME")
        .beyond()
        .help("The context to connect with, in place of the current one."),
    Opt::flag("yes")
        .beyond()
        .help("Change a cluster whose context is protected."),
];

/// A command line that the parser or a value's conversion refuses, in jopt-simple's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptError {
    Unrecognized(String),
    Ambiguous(String, Vec<&'static str>),
    MissingArgument(&'static str),
    MissingRequired(Vec<&'static str>),
    Multiple(&'static str),
    CannotParse { value: String, name: &'static str },
    Unavailable(Vec<&'static str>),
}

impl OptError {
    /// The exception's class in jopt-simple.
    pub fn exception(&self) -> &'static str {
        match self {
            Self::Unrecognized(_) | Self::Ambiguous(..) => "joptsimple.UnrecognizedOptionException",
            Self::MissingArgument(_) => "joptsimple.OptionMissingRequiredArgumentException",
            Self::MissingRequired(_) => "joptsimple.MissingRequiredOptionsException",
            Self::Multiple(_) => "joptsimple.MultipleArgumentsForOptionException",
            Self::CannotParse { .. } => "joptsimple.OptionArgumentConversionException",
            Self::Unavailable(_) => "joptsimple.UnavailableOptionException",
        }
    }
}

impl fmt::Display for OptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unrecognized(name) => write!(f, "{name} is not a recognized option"),
            Self::Ambiguous(name, all) => write!(f, "{name} is short for several options: {}", all.join(", ")),
            Self::MissingArgument(name) => write!(f, "Option {name} requires an argument"),
            Self::MissingRequired(names) => write!(f, "Missing required option(s) [{}]", names.join(", ")),
            Self::Multiple(name) => write!(
                f,
                "Found multiple arguments for option {name}, but you asked for only one"
            ),
            Self::CannotParse { value, name } => write!(f, "Cannot parse argument '{value}' of option {name}"),
            Self::Unavailable(names) => {
                write!(
                    f,
                    "Option(s) [{}] are unavailable given other options on the command line",
                    names.join(", ")
                )
            }
        }
    }
}

impl std::error::Error for OptError {}

/// A command line, read. Asking for a name that is not in the tool's table is a bug and panics.
#[derive(Clone, Debug)]
pub struct Parsed {
    opts: &'static [Opt],
    /// In the order given: the option, and its value where it has one.
    given: Vec<(&'static str, Option<String>)>,
    /// Words that belong to no option, `--` and what follows included. Kafka's tools ignore them.
    pub positional: Vec<String>,
}

/// Reads `argv` (without the program's name).
///
/// # Errors
/// An unknown name, or a value that is missing. Required options are checked unless `--help` or `--version` is there.
pub fn parse(opts: &'static [Opt], manner: Manner, argv: &[String]) -> Result<Parsed, OptError> {
    let mut parsed = Parsed {
        opts,
        given: Vec::new(),
        positional: Vec::new(),
    };
    let mut words = argv.iter().peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            parsed.positional.extend(words.cloned());
            break;
        }
        if !looks_like_option(word) {
            parsed.positional.push(word.clone());
            continue;
        }
        let (name, inline) = match word.trim_start_matches('-').split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.strip_prefix("--").or(word.strip_prefix('-')).unwrap_or(word), None),
        };
        let opt = lookup(opts, manner, word, name)?;
        let value = match (opt.arity, inline) {
            (Arity::Flag, _) => None,
            (_, Some(v)) => Some(v.to_string()),
            (Arity::Required, None) => Some(words.next().ok_or(OptError::MissingArgument(opt.name))?.clone()),
            (Arity::Optional, None) if opt.is_number() => words.next_if(|w| w.parse::<i64>().is_ok()).cloned(),
            (Arity::Optional, None) => words.next_if(|w| !looks_like_option(w)).cloned(),
        };
        parsed.given.push((opt.name, value));
    }
    let informative = |name: &str| opts.iter().any(|o| o.name == name) && parsed.has(name);
    if !informative("help") && !informative("version") {
        let missing: Vec<_> = opts
            .iter()
            .filter(|o| o.required && !parsed.has(o.name))
            .map(|o| o.name)
            .collect();
        if !missing.is_empty() && manner == Manner::Script {
            return Err(OptError::MissingRequired(missing));
        }
    }
    Ok(parsed)
}

fn looks_like_option(word: &str) -> bool {
    word.len() > 1 && word.starts_with('-')
}

fn lookup(opts: &'static [Opt], manner: Manner, word: &str, name: &str) -> Result<&'static Opt, OptError> {
    let visible = || {
        let common = if manner == Manner::Kt { COMMON } else { &[] };
        opts.iter()
            .chain(common)
            .filter(move |o| !o.beyond || manner == Manner::Kt)
    };
    if let Some(o) = visible().find(|o| o.name == name) {
        return Ok(o);
    }
    let long = word.starts_with("--");
    let mut letters = name.chars();
    if !long
        && let (Some(c), None) = (letters.next(), letters.next())
        && let Some(o) = visible().find(|o| o.short == Some(c))
    {
        return Ok(o);
    }
    if manner == Manner::Kt && name.len() > 1 {
        let near: Vec<_> = visible().filter(|o| o.name.starts_with(name)).collect();
        match near.as_slice() {
            [one] => return Ok(one),
            [] => {}
            several => {
                return Err(OptError::Ambiguous(
                    name.to_string(),
                    several.iter().map(|o| o.name).collect(),
                ));
            }
        }
    }
    // with one dash jopt-simple reads a cluster of letters and names the first that it does not know
    let told = if long || manner == Manner::Kt {
        name.to_string()
    } else {
        name.chars().take(1).collect()
    };
    Err(OptError::Unrecognized(told))
}

impl Parsed {
    fn opt(&self, name: &str) -> &'static Opt {
        let common = COMMON.iter();
        match self.opts.iter().chain(common).find(|o| o.name == name) {
            Some(o) => o,
            None => panic!("the option table has no --{name}"),
        }
    }

    /// Whether the tool has an option of this name.
    pub fn knows(&self, name: &str) -> bool {
        self.opts.iter().any(|o| o.name == name)
    }

    /// Whether the option was given.
    pub fn has(&self, name: &str) -> bool {
        let name = self.opt(name).name;
        self.given.iter().any(|(n, _)| *n == name)
    }

    /// Whether the option was given with a value.
    pub fn has_value(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// All values of a repeatable option, in order.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let name = self.opt(name).name;
        self.given
            .iter()
            .filter(move |(n, _)| *n == name)
            .filter_map(|(_, v)| v.as_deref())
    }

    /// The option's single value, else its default.
    ///
    /// # Errors
    /// The option was given more than one value.
    pub fn value(&self, name: &str) -> Result<Option<&str>, OptError> {
        let opt = self.opt(name);
        let mut all = self.values(name);
        match (all.next(), all.next()) {
            (Some(_), Some(_)) => Err(OptError::Multiple(opt.name)),
            (Some(v), None) => Ok(Some(v)),
            (None, _) => Ok(opt.default),
        }
    }

    /// The option's single value as a number (or whatever `T` parses from).
    ///
    /// # Errors
    /// More than one value, or one that does not parse.
    pub fn parsed<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, OptError> {
        let opt = self.opt(name);
        match self.value(name)? {
            None => Ok(None),
            Some(v) => match v.strip_prefix('+').unwrap_or(v).parse() {
                Ok(n) => Ok(Some(n)),
                Err(_) => Err(OptError::CannotParse {
                    value: v.to_string(),
                    name: opt.name,
                }),
            },
        }
    }

    /// The options given, in order, with their values.
    pub fn given(&self) -> impl Iterator<Item = (&'static str, Option<&str>)> {
        self.given.iter().map(|(n, v)| (*n, v.as_deref()))
    }

    /// Kafka's `CommandLineUtils.checkRequiredArgs`.
    ///
    /// # Errors
    /// `Missing required argument "[name]"` for the first that is missing.
    pub fn require(&self, names: &[&str]) -> Result<(), String> {
        match names.iter().find(|n| !self.has(n)) {
            Some(name) => Err(format!("Missing required argument \"[{name}]\"")),
            None => Ok(()),
        }
    }

    /// Kafka's `CommandLineUtils.checkInvalidArgs`: `used` does not go with any of `invalid`.
    ///
    /// # Errors
    /// `Option "[used]" can't be used with option "[invalid]"`.
    pub fn forbid(&self, used: &str, invalid: &[&str]) -> Result<(), String> {
        if !self.has(used) {
            return Ok(());
        }
        match invalid.iter().find(|n| self.has(n)) {
            Some(other) => Err(format!("Option \"[{used}]\" can't be used with option \"[{other}]\"")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTS: &[Opt] = &[
        Opt::flag("list"),
        Opt::value("topic", "String"),
        Opt::value("topics-file", "String"),
        Opt::value("partitions", "Integer"),
        Opt::optional("state", "String"),
        Opt::flag("extra").beyond(),
    ];

    fn read(manner: Manner, line: &str) -> Result<Parsed, OptError> {
        parse(OPTS, manner, &line.split(' ').map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_required_value_swallows_the_next_word() {
        let p = read(Manner::Script, "--topic --list").unwrap();
        assert_eq!(p.value("topic"), Ok(Some("--list")));
        assert!(!p.has("list"));
    }

    #[test]
    fn an_optional_value_leaves_options_alone() {
        let p = read(Manner::Script, "--state --list").unwrap();
        assert!(p.has("state") && p.has("list") && !p.has_value("state"));
        assert_eq!(
            read(Manner::Script, "--state stable").unwrap().value("state"),
            Ok(Some("stable"))
        );
    }

    #[test]
    fn one_dash_and_equals_signs_work_and_flags_drop_values() {
        let p = read(Manner::Script, "-topic=a=b --list=false word").unwrap();
        assert_eq!(p.value("topic"), Ok(Some("a=b")));
        assert!(p.has("list"));
        assert_eq!(p.positional, ["word"]);
        let p = read(Manner::Script, "--topic= --list").unwrap();
        assert_eq!(p.value("topic"), Ok(Some("")));
        assert!(p.has("list"));
    }

    #[test]
    fn errors_are_said_in_jopt_simples_words() {
        let text = |r: Result<Parsed, OptError>| r.unwrap_err().to_string();
        assert_eq!(text(read(Manner::Script, "--frob")), "frob is not a recognized option");
        assert_eq!(text(read(Manner::Script, "-frob")), "f is not a recognized option");
        assert_eq!(
            text(read(Manner::Script, "--topic")),
            "Option topic requires an argument"
        );
        let p = read(Manner::Script, "--partitions abc --topic a --topic a").unwrap();
        assert_eq!(
            p.parsed::<i32>("partitions").unwrap_err().to_string(),
            "Cannot parse argument 'abc' of option partitions"
        );
        assert_eq!(
            p.value("topic").unwrap_err().to_string(),
            "Found multiple arguments for option topic, but you asked for only one"
        );
    }

    #[test]
    fn prefixes_and_options_beyond_the_script_are_for_kt_only() {
        assert!(read(Manner::Kt, "--part 3").unwrap().has("partitions"));
        assert!(read(Manner::Kt, "--extra").is_ok());
        assert!(read(Manner::Kt, "-o json").is_ok());
        assert!(matches!(read(Manner::Kt, "--topi x"), Err(OptError::Ambiguous(..))));
        for line in ["--part 3", "--extra", "-o json", "--topi x"] {
            assert!(
                matches!(read(Manner::Script, line), Err(OptError::Unrecognized(_))),
                "{line}"
            );
        }
    }
}
