//! Java's `.properties` format, as much of it as server.properties uses: comments, the three separators, escapes,
//! continued lines.

use super::Props;

/// Reads a properties text. The last of several values of a name counts, as in Java.
pub fn parse(text: &str) -> Props {
    let mut props = Props::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut line = line.trim_start().to_owned();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        while continues(&line) {
            line.pop();
            match lines.next() {
                Some(next) => line.push_str(next.trim_start()),
                None => break,
            }
        }
        let (name, value) = split(&line);
        props.insert(unescape(name), unescape(value));
    }
    props
}

/// An odd number of backslashes at the end joins the next line.
fn continues(line: &str) -> bool {
    line.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1
}

fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == '=' || c == ':' || c.is_whitespace() {
            let rest = line[at..].trim_start();
            let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
            return (&line[..at], rest.trim_start());
        }
    }
    (line, "")
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let hex: String = chars.by_ref().take(4).collect();
                out.push(
                    u32::from_str_radix(&hex, 16)
                        .ok()
                        .and_then(char::from_u32)
                        .unwrap_or('\u{fffd}'),
                );
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_what_java_reads() {
        let props = parse("# c\n a = 1 \nb:two\nc three\nlong=x,\\\n   y\nesc=\\u0041\\n\\=\nempty\na=2\n");
        let got: Vec<_> = props.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let want = [
            ("a", "2"),
            ("b", "two"),
            ("c", "three"),
            ("empty", ""),
            ("esc", "A\n="),
            ("long", "x,y"),
        ];
        assert_eq!(got, want);
    }
}
