//! A parser that reads a command line as argparse4j 0.7 does for some of Kafka's tools: unambiguous prefixes of flags,
//! several values behind one flag, and its error texts.

use crate::cli::compat::opts::Arity;
use crate::cli::{CliError, Opt};

/// What an argparse4j tool is, beside its options.
#[derive(Debug)]
pub struct Spec {
    /// As errors and usage name it.
    pub prog: &'static str,
    /// The usage, word by word, as it is broken into lines.
    pub usage: &'static [&'static str],
    pub opts: &'static [Opt],
    /// Options with one value or more.
    pub many: &'static [&'static str],
    /// Options that must be there, in the order they are asked for.
    pub required: &'static [&'static str],
    /// Exactly one of these must be there.
    pub one_of: &'static [&'static str],
}

/// A command line, read.
#[derive(Debug, Default)]
pub struct Namespace {
    given: Vec<(&'static str, Vec<String>)>,
}

impl Namespace {
    pub fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(n, _)| *n == name)
    }

    /// The last value given, as argparse4j keeps it.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).and_then(<[String]>::last).map(String::as_str)
    }

    /// The values of the last time the option was given.
    pub fn values(&self, name: &str) -> Option<&[String]> {
        self.given.iter().rfind(|(n, _)| *n == name).map(|(_, v)| v.as_slice())
    }

    /// The value as a number, `kind` being Java's name of its class.
    ///
    /// # Errors
    /// argparse4j's text.
    pub fn number<T: std::str::FromStr>(&self, name: &str, kind: &str) -> Result<Option<T>, String> {
        let Some(text) = self.value(name) else { return Ok(None) };
        match text.parse() {
            Ok(n) => Ok(Some(n)),
            Err(_) => Err(format!(
                "argument --{name}: could not convert '{text}' to {kind} (For input string: \"{text}\")"
            )),
        }
    }
}

impl Spec {
    /// The usage and an error, as argparse4j's `handleError` prints them.
    pub fn error(&self, text: &str) -> CliError {
        CliError::failed(format!(
            "usage: {}\n{}: error: {text}",
            self.usage.join("\n       "),
            self.prog
        ))
    }

    /// Reads `words`. `--help` and `-h` end the reading at once: `Ok(None)`.
    ///
    /// # Errors
    /// argparse4j's text: an unknown or ambiguous flag, a value that is missing, what is required or excluded.
    pub fn parse(&self, words: &[String]) -> Result<Option<Namespace>, String> {
        let mut ns = Namespace::default();
        let mut i = 0;
        while i < words.len() {
            let word = &words[i];
            if word == "--help" || word == "-h" {
                return Ok(None);
            }
            let rest = || format!("unrecognized arguments: '{}'", words[i..].join(" "));
            let Some(flag) = word.strip_prefix("--").filter(|f| !f.is_empty()) else {
                return Err(rest());
            };
            let (name, inline) = flag.split_once('=').map_or((flag, None), |(n, v)| (n, Some(v)));
            let Some(opt) = self.lookup(name)? else {
                return Err(format!("unrecognized arguments: '{word}'"));
            };
            i += 1;
            let values = match (opt.arity, inline) {
                (Arity::Flag, Some(v)) => {
                    return Err(format!("argument --{}: ignored explicit argument '{v}'", opt.name));
                }
                (Arity::Flag, None) => Vec::new(),
                (_, Some(v)) => vec![v.to_string()],
                (_, None) => {
                    let most = if self.many.contains(&opt.name) { usize::MAX } else { 1 };
                    let taken: Vec<String> = words[i..]
                        .iter()
                        .take(most)
                        .take_while(|w| !is_flag(w))
                        .cloned()
                        .collect();
                    i += taken.len();
                    match (taken.is_empty(), most) {
                        (true, 1) => return Err(format!("argument --{}: expected one argument", opt.name)),
                        (true, _) => return Err(format!("argument --{}: expected at least one argument", opt.name)),
                        _ => taken,
                    }
                }
            };
            if let Some(other) = self
                .one_of
                .iter()
                .find(|o| **o != opt.name && self.one_of.contains(&opt.name) && ns.has(o))
            {
                return Err(format!("argument --{}: not allowed with argument --{other}", opt.name));
            }
            ns.given.push((opt.name, values));
        }
        if let Some(missing) = self.required.iter().find(|r| !ns.has(r)) {
            return Err(format!("argument --{missing} is required"));
        }
        if !self.one_of.is_empty() && !self.one_of.iter().any(|o| ns.has(o)) {
            let names: Vec<String> = self.one_of.iter().map(|o| format!("--{o}")).collect();
            return Err(format!("one of the arguments {} is required", names.join(" ")));
        }
        Ok(Some(ns))
    }

    fn lookup(&self, name: &str) -> Result<Option<&'static Opt>, String> {
        // What is beyond the script is taken out of the words before.
        let own = || self.opts.iter().filter(|o| !o.beyond);
        if let Some(o) = own().find(|o| o.name == name) {
            return Ok(Some(o));
        }
        let mut near: Vec<&'static Opt> = own().filter(|o| o.name.starts_with(name)).collect();
        near.sort_by_key(|o| o.name);
        match near.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            _ => {
                let names: Vec<String> = near.iter().map(|o| format!("--{}", o.name)).collect();
                Err(format!("ambiguous option: --{name} could match {}", names.join(", ")))
            }
        }
    }
}

/// A word that begins with a dash and is no negative number.
fn is_flag(word: &str) -> bool {
    word.len() > 1 && word.starts_with('-') && word.parse::<f64>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: Spec = Spec {
        prog: "p",
        usage: &["p [-h]", "--a A"],
        opts: &[
            Opt::value("alpha", "A"),
            Opt::value("alps", "A"),
            Opt::flag("flag"),
            Opt::value("many", "M"),
            Opt::value("other", "O"),
        ],
        many: &["many"],
        required: &["alpha"],
        one_of: &["flag", "other"],
    };

    fn read(line: &str) -> Result<Namespace, String> {
        SPEC.parse(&line.split(' ').map(String::from).collect::<Vec<_>>())
            .map(Option::unwrap_or_default)
    }

    #[test]
    fn values_prefixes_and_negative_numbers() {
        let ns = read("--alpha -1 --many a=1 b=2 --fl").unwrap();
        assert_eq!(ns.number::<f64>("alpha", "Double"), Ok(Some(-1.0)));
        assert_eq!(ns.values("many").unwrap(), ["a=1", "b=2"]);
        assert!(ns.has("flag"));
    }

    #[test]
    fn errors_are_argparse4js() {
        for (line, text) in [
            ("--alpha", "argument --alpha: expected one argument"),
            ("--many --flag", "argument --many: expected at least one argument"),
            ("--flag", "argument --alpha is required"),
            ("--alpha x", "one of the arguments --flag --other is required"),
            ("--flag --other x", "argument --other: not allowed with argument --flag"),
            ("--al x", "ambiguous option: --al could match --alpha, --alps"),
            ("--frob x", "unrecognized arguments: '--frob'"),
            ("x y", "unrecognized arguments: 'x y'"),
        ] {
            assert_eq!(read(line).unwrap_err(), text, "{line}");
        }
        assert_eq!(
            read("--alpha x --flag")
                .unwrap()
                .number::<i64>("alpha", "Long")
                .unwrap_err(),
            "argument --alpha: could not convert 'x' to Long (For input string: \"x\")"
        );
    }
}
