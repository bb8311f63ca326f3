//! Java's dialect of regular expressions (`java.util.regex.Pattern`), rewritten for the engine used here: what Java
//! refuses is refused, and what only Java knows is said in other words.

/// Any character and none: what matches nothing.
const NOTHING: &str = "[^\\s\\S]";
const HORIZONTAL: &str = "[ \\t\\x{A0}\\x{1680}\\x{180e}\\x{2000}-\\x{200a}\\x{202f}\\x{205f}\\x{3000}]";
const VERTICAL: &str = "[\\n\\x0B\\f\\r\\x{85}\\x{2028}\\x{2029}]";

/// The pattern in the engine's own syntax.
///
/// # Errors
/// What Java does not compile; what is left the engine finds itself.
pub fn translate(pattern: &str) -> Result<String, String> {
    let mut t = Translator {
        text: pattern.chars().collect(),
        at: 0,
        out: String::new(),
        groups: 0,
        repeatable: false,
    };
    while let Some(c) = t.next() {
        t.one(c)?;
    }
    Ok(t.out)
}

struct Translator {
    text: Vec<char>,
    at: usize,
    out: String,
    /// Capturing groups begun.
    groups: usize,
    /// Whether a quantifier may follow.
    repeatable: bool,
}

impl Translator {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn rest_starts_with(&self, text: &str) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        text.chars().enumerate().all(|(i, c)| rest.get(i) == Some(&c))
    }

    fn literal(&mut self, c: char) {
        if c.is_ascii_punctuation() && !matches!(c, '<' | '>') {
            self.out.push('\\');
        }
        if c.is_ascii_graphic() {
            self.out.push(c);
            return;
        }
        self.out.push_str(&format!("\\x{{{:x}}}", u32::from(c)));
    }

    /// What begins with `c`, outside of a character class.
    fn one(&mut self, c: char) -> Result<(), String> {
        let mut repeatable = true;
        match c {
            '\\' => self.escape(false)?,
            '[' => self.class()?,
            '(' => {
                self.group()?;
                repeatable = false;
            }
            '|' => {
                self.out.push(c);
                repeatable = false;
            }
            '*' | '+' | '?' | '{' => {
                if !self.repeatable {
                    return Err(format!("Dangling meta character '{c}'"));
                }
                self.quantifier(c)?;
                repeatable = false;
            }
            ']' | '}' => self.literal(c),
            c => self.out.push(c),
        }
        self.repeatable = repeatable;
        Ok(())
    }

    fn quantifier(&mut self, c: char) -> Result<(), String> {
        self.out.push(c);
        if c == '{' {
            let body: String = self.text[self.at..].iter().take_while(|c| **c != '}').collect();
            let number = |text: &str| match text.bytes().all(|b| b.is_ascii_digit()) {
                true => text.parse::<i32>().map_err(|_| "Illegal repetition range".to_string()),
                false => Err("Illegal repetition".to_string()),
            };
            let (low, high) = body
                .split_once(',')
                .map_or((body.as_str(), None), |(l, h)| (l, Some(h)));
            let low = number(low)?;
            if high
                .filter(|h| !h.is_empty())
                .map(number)
                .transpose()?
                .is_some_and(|high| high < low)
            {
                return Err("Illegal repetition range".to_string());
            }
            self.at += body.chars().count() + 1;
            if self.at > self.text.len() {
                return Err("Unclosed counted closure".to_string());
            }
            self.out.push_str(&body);
            self.out.push('}');
        }
        if let Some(mode @ ('?' | '+')) = self.peek() {
            self.at += 1;
            self.out.push(mode);
        }
        Ok(())
    }

    /// After an opening parenthesis.
    fn group(&mut self) -> Result<(), String> {
        if !self.rest_starts_with("?") {
            self.groups += 1;
            self.out.push('(');
            return Ok(());
        }
        for start in ["?:", "?=", "?!", "?>", "?<=", "?<!"] {
            if self.rest_starts_with(start) {
                self.at += start.len();
                self.out.push('(');
                self.out.push_str(start);
                return Ok(());
            }
        }
        if self.rest_starts_with("?<") {
            let name: String = self.text[self.at + 2..].iter().take_while(|c| **c != '>').collect();
            let legal =
                name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric());
            if !legal {
                return Err("capturing group name does not start with a Latin letter".to_string());
            }
            self.groups += 1;
            self.at += 2 + name.len();
            self.out.push_str("(?<");
            self.out.push_str(&name);
            return Ok(());
        }
        self.at += 1;
        self.flags()
    }

    /// `idmsuxU-idmsuxU` up to `)` or `:`; what the engine has no word for is left out.
    fn flags(&mut self) -> Result<(), String> {
        let (mut on, mut off, mut negative) = (String::new(), String::new(), false);
        loop {
            match self.next() {
                Some('-') if !negative => negative = true,
                Some(c @ ('i' | 'm' | 's' | 'x')) => {
                    let side = if negative { &mut off } else { &mut on };
                    if !side.contains(c) {
                        side.push(c);
                    }
                }
                Some('d' | 'u' | 'U') => {}
                Some(end @ (')' | ':')) => {
                    on.retain(|c| !off.contains(c));
                    let minus = if off.is_empty() { "" } else { "-" };
                    match (on.is_empty() && off.is_empty(), end) {
                        (true, ':') => self.out.push_str("(?:"),
                        (true, _) => {}
                        (false, _) => self.out.push_str(&format!("(?{on}{minus}{off}{end}")),
                    }
                    return Ok(());
                }
                _ => return Err("Unknown inline modifier".to_string()),
            }
        }
    }

    /// `\0`, `\x`, `\u`, `\c` and the like, as a single character.
    fn escaped_character(&mut self, c: char) -> Result<Option<char>, String> {
        let known = match c {
            'a' => '\u{7}',
            'e' => '\u{1b}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'c' => {
                let control = self.next().ok_or("Illegal control escape sequence")?;
                char::from_u32(u32::from(control) ^ 64).ok_or("Illegal control escape sequence")?
            }
            '0' => {
                let most = if matches!(self.peek(), Some('0'..='3')) { 3 } else { 2 };
                self.number(8, 1, most, "Illegal octal escape sequence")?
            }
            'u' => self.number(16, 4, 4, "Illegal Unicode escape sequence")?,
            'x' if self.peek() == Some('{') => {
                self.at += 1;
                let c = self.number(16, 1, 6, "Illegal hexadecimal escape sequence")?;
                if self.next() != Some('}') {
                    return Err("Unclosed hexadecimal escape sequence".to_string());
                }
                c
            }
            'x' => self.number(16, 2, 2, "Illegal hexadecimal escape sequence")?,
            c if !c.is_ascii_alphanumeric() => c,
            _ => return Ok(None),
        };
        Ok(Some(known))
    }

    fn number(&mut self, radix: u32, least: usize, most: usize, wrong: &str) -> Result<char, String> {
        let mut value = 0;
        let mut digits = 0;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(radix)).filter(|_| digits < most) {
            value = value * radix + digit;
            digits += 1;
            self.at += 1;
        }
        match char::from_u32(value) {
            Some(c) if digits >= least => Ok(c),
            _ => Err(wrong.to_string()),
        }
    }

    /// After a backslash.
    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let c = self.next().ok_or("Unexpected internal error")?;
        if let Some(c) = self.escaped_character(c)? {
            self.literal(c);
            return Ok(());
        }
        match c {
            'Q' => {
                while !self.rest_starts_with("\\E") {
                    match self.next() {
                        Some(c) => self.literal(c),
                        None => return Ok(()),
                    }
                }
                self.at += 2;
            }
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => {
                self.out.push('\\');
                self.out.push(c);
            }
            'h' => self.out.push_str(HORIZONTAL),
            'H' => self.out.push_str(&HORIZONTAL.replacen('[', "[^", 1)),
            'v' => self.out.push_str(VERTICAL),
            'V' => self.out.push_str(&VERTICAL.replacen('[', "[^", 1)),
            'p' | 'P' => self.property(c)?,
            _ if in_class => return Err("Illegal/unsupported escape sequence".to_string()),
            'A' | 'B' | 'G' | 'Z' | 'b' | 'z' => {
                self.out.push('\\');
                self.out.push(c);
            }
            'R' => self.out.push_str(&format!("(?:\\r\\n|{VERTICAL})")),
            'X' => self.out.push_str("(?s:.)"),
            'k' => self.out.push_str("\\k"),
            '1'..='9' => self.back_reference(c),
            _ => return Err("Illegal/unsupported escape sequence".to_string()),
        }
        Ok(())
    }

    /// As many digits as there are groups for; a group that has not begun matches nothing.
    fn back_reference(&mut self, first: char) {
        let mut group = first.to_digit(10).unwrap_or_default() as usize;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            let longer = group * 10 + digit as usize;
            if longer > self.groups {
                break;
            }
            group = longer;
            self.at += 1;
        }
        match group <= self.groups {
            true => self.out.push_str(&format!("(?:\\{group})")),
            false => self.out.push_str(NOTHING),
        }
    }

    fn property(&mut self, p: char) -> Result<(), String> {
        let name: String = match self.next().ok_or("Unexpected end")? {
            '{' => {
                let name: String = self.text[self.at..].iter().take_while(|c| **c != '}').collect();
                self.at += name.chars().count() + 1;
                name
            }
            c => c.to_string(),
        };
        let ours = match name.as_str() {
            "javaLowerCase" => "Lowercase",
            "javaUpperCase" => "Uppercase",
            "javaLetter" => "L",
            "javaDigit" => "Nd",
            "javaAlphabetic" => "Alphabetic",
            "javaWhitespace" | "javaSpaceChar" => "White_Space",
            other => other,
        };
        self.out.push_str(&format!("\\{p}{{{ours}}}"));
        Ok(())
    }

    /// After an opening bracket, up to the one that closes it.
    fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.peek() == Some('^') {
            self.at += 1;
            self.out.push('^');
        }
        let mut empty = true;
        loop {
            let c = self.next().ok_or("Unclosed character class")?;
            match c {
                ']' if !empty => {
                    self.out.push(']');
                    return Ok(());
                }
                '[' => self.class()?,
                '&' if self.peek() == Some('&') => {
                    self.at += 1;
                    match (empty, self.peek()) {
                        (true, _) => return Err("Bad class syntax".to_string()),
                        (_, Some(']')) => {}
                        _ => self.out.push_str("&&"),
                    }
                }
                '\\' if matches!(
                    self.peek(),
                    Some('Q' | 'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'h' | 'H' | 'v' | 'V' | 'p' | 'P')
                ) =>
                {
                    self.escape(true)?;
                }
                c => self.class_item(c)?,
            }
            empty = false;
        }
    }

    /// A character or a range of them.
    fn class_item(&mut self, c: char) -> Result<(), String> {
        let low = self.class_character(c)?;
        let after = self.text.get(self.at + 1).copied();
        if self.peek() != Some('-') || matches!(after, None | Some(']' | '[')) {
            match low {
                // a colon, however it is escaped, would make a POSIX class with the bracket before it
                ':' => self.out.push_str("[:-:]"),
                low => self.literal(low),
            }
            return Ok(());
        }
        self.literal(low);
        self.at += 1;
        let c = self.next().ok_or("Illegal character range")?;
        let high = self.class_character(c)?;
        if high < low {
            return Err("Illegal character range".to_string());
        }
        self.out.push('-');
        self.literal(high);
        Ok(())
    }

    fn class_character(&mut self, c: char) -> Result<char, String> {
        if c != '\\' {
            return Ok(c);
        }
        let c = self.next().ok_or("Unclosed character class")?;
        let wrong = || "Illegal/unsupported escape sequence".to_string();
        self.escaped_character(c)?.ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::super::java_regex::JavaRegex;

    /// What Kafka's tool answered to `kafka-topics.sh --list --topic PATTERN`.
    #[test]
    fn topics_are_those_that_java_finds() {
        let topics = ["ta-_x", "ta-a", "ta-aa", "ta-abc", "ta-abc123"];
        for (pattern, want) in [
            (r"ta-a{1}", &["ta-a"][..]),
            (r"ta-(a)\1", &["ta-aa"]),
            (r"ta-(a)\2", &[]),
            (r"ta-(a)\10", &[]),
            (r"ta-\0141", &["ta-a"]),
            (r"ta-\x{61}\u0061", &["ta-aa"]),
            (r"ta-\ca", &[]),
            (r"ta-\h", &[]),
            (r"ta-\p{javaLowerCase}+", &["ta-a", "ta-aa", "ta-abc"]),
            (r"ta-[[:alpha:]]+", &["ta-a", "ta-aa"]),
            (r"ta-[a-c&&[^b]]+", &["ta-a", "ta-aa"]),
            (r"ta-[a&&]", &["ta-a"]),
            (r"ta-[\d-z]+", &[]),
            (r"ta-(?idmsux-idmsux)a", &["ta-a"]),
            (r"ta-\X+", &topics),
            (r"\Qta-a\E|ta-aa", &["ta-a", "ta-aa"]),
            (r"ta-a??", &["ta-a"]),
        ] {
            let regex = JavaRegex::new(pattern).unwrap();
            let found: Vec<&str> = topics.into_iter().filter(|t| regex.matches(t)).collect();
            assert_eq!(found, want, "{pattern}");
        }
    }

    #[test]
    fn what_java_refuses_is_refused() {
        for pattern in [
            "ta-{",
            "{ta",
            "a{}",
            "a{x}",
            "a{1|}",
            "a{2|1}",
            "a{2,1}",
            "a{-1}",
            "a*?+",
            "a**",
            "(?<1a>t)",
            "(?P<n>t)",
            "(?#c)a",
            r"\N{X}",
            "[&&]",
            "[a--b]",
            "[z-a]",
            r"\8\",
            "[",
            "(",
            "*",
            r"\y",
            r"\E",
            "a{2147483648}",
        ] {
            assert!(JavaRegex::new(pattern).is_err(), "{pattern}");
        }
    }
}
