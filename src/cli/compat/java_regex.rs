//! Java's regular expressions (`java.util.regex.Pattern`), as topics and groups are chosen by.

use fancy_regex::Regex;

use super::java_pattern::translate;

/// A compiled pattern that must match the whole of a name (`Matcher.matches`).
#[derive(Debug)]
pub struct JavaRegex(Regex);

impl JavaRegex {
    /// Compiles `pattern`; `\Q...\E` quotes, look-around and possessive quantifiers work as in Java.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub fn new(pattern: &str) -> Result<Self, String> {
        match Regex::new(&format!("^(?:{})$", translate(pattern)?)) {
            Ok(r) => Ok(Self(r)),
            Err(e) => Err(e.to_string()),
        }
    }

    /// Whether the whole of `name` matches. A pattern that backtracks beyond all bounds matches nothing.
    pub fn matches(&self, name: &str) -> bool {
        self.0.is_match(name).unwrap_or(false)
    }
}

/// A pattern to split texts by (`Pattern.split`).
#[derive(Debug)]
pub struct JavaSplit(Regex);

impl JavaSplit {
    /// # Errors
    /// What is wrong with the pattern.
    pub fn new(pattern: &str) -> Result<Self, String> {
        Regex::new(&translate(pattern)?).map(Self).map_err(|e| e.to_string())
    }

    /// The parts between matches; as in Java an empty match at the start makes none, and empty parts at the end are dropped.
    pub fn split<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let mut parts = Vec::new();
        let mut from = 0;
        for found in self.0.find_iter(text).map_while(Result::ok) {
            if found.end() == 0 {
                continue;
            }
            parts.push(&text[from..found.start()]);
            from = found.end();
        }
        if from == 0 {
            return vec![text];
        }
        parts.push(&text[from..]);
        while parts.last().is_some_and(|p| p.is_empty()) {
            parts.pop();
        }
        parts
    }

    /// The tokens between matches as `java.util.Scanner` finds them: one match at the start and one at the end make no
    /// empty token.
    pub fn scan<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let find = |from: usize| self.0.find_from_pos(text, from).ok().flatten();
        let mut tokens = Vec::new();
        let mut at = 0;
        loop {
            if let Some(found) = find(at).filter(|m| m.start() == at) {
                at = found.end();
            }
            let Some(first) = text[at..].chars().next() else {
                return tokens;
            };
            let next = find(at)
                .filter(|m| m.end() > at)
                .or_else(|| find(at + first.len_utf8()));
            let end = next.map_or(text.len(), |m| m.start());
            tokens.push(&text[at..end]);
            at = end;
        }
    }
}

/// Kafka's `TopicFilter.IncludeList`: `,` stands for `|`, blanks and quotes around the whole are dropped, and the
/// whole name has to match.
#[derive(Debug)]
pub struct TopicFilter(JavaRegex);

impl TopicFilter {
    /// # Errors
    /// `PATTERN is an invalid regex.`
    pub fn include(raw: &str) -> Result<Self, String> {
        let regex = raw.trim().replace(',', "|").replace(' ', "");
        let regex = regex.trim_matches(|c| c == '"' || c == '\'');
        match JavaRegex::new(regex) {
            Ok(r) => Ok(Self(r)),
            Err(_) => Err(format!("{regex} is an invalid regex.")),
        }
    }

    /// Whether the topic is chosen; internal ones only when they are not excluded.
    pub fn allows(&self, topic: &str, exclude_internal: bool) -> bool {
        self.0.matches(topic) && !(exclude_internal && is_internal(topic))
    }
}

/// Kafka's `Topic.isInternal`.
pub fn is_internal(topic: &str) -> bool {
    matches!(
        topic,
        "__consumer_offsets" | "__transaction_state" | "__share_group_state"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_name_matches() {
        let f = TopicFilter::include("a.*,b").unwrap();
        assert!(f.allows("abc", false) && f.allows("b", false) && !f.allows("bc", false) && !f.allows("xa", false));
    }

    #[test]
    fn java_quotes_are_literal() {
        let r = JavaRegex::new(r"\Qa.b\E+").unwrap();
        assert!(r.matches("a.b") && r.matches("a.bb") && !r.matches("axb"));
        assert!(JavaRegex::new(r"\\Q").unwrap().matches("\\Q"));
    }

    #[test]
    fn split_drops_empty_parts_at_the_end() {
        let s = JavaSplit::new("[;,]").unwrap();
        assert_eq!(s.split("a,b;;c,,"), ["a", "b", "", "c"]);
        assert_eq!(s.split(""), [""]);
        assert_eq!(s.split(",a"), ["", "a"]);
        assert!(s.split(",,").is_empty());
    }

    #[test]
    fn a_scanner_skips_the_delimiter_before_a_token() {
        let s = JavaSplit::new("a").unwrap();
        assert_eq!(s.scan("alpha\nbeta\n"), ["lph", "\nbet", "\n"]);
        assert_eq!(s.scan("xaaya"), ["x", "", "y"]);
        assert!(s.scan("").is_empty() && s.scan("a").is_empty());
        assert_eq!(JavaSplit::new("").unwrap().scan("abc"), ["a", "b", "c"]);
    }

    #[test]
    fn look_ahead_and_internal_topics() {
        let f = TopicFilter::include("(?!x).*").unwrap();
        assert!(
            f.allows("__consumer_offsets", false) && !f.allows("__consumer_offsets", true) && !f.allows("xy", false)
        );
        assert_eq!(TopicFilter::include("a[").unwrap_err(), "a[ is an invalid regex.");
    }
}
