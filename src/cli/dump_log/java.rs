//! Small habits of Java that show in the output.

/// `java.io.File`'s path: no doubled and no trailing slash.
pub(super) fn normalize(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !out.ends_with('/') {
            out.push(c);
        }
    }
    if out.len() > 1 && out.ends_with('/') {
        out.pop();
    }
    out
}

/// `File.getAbsolutePath`: the working directory in front, nothing resolved.
pub(super) fn absolute(path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let dir = std::env::current_dir()
        .map(|d| d.display().to_string())
        .unwrap_or_default();
    if path.is_empty() {
        dir
    } else {
        normalize(&format!("{dir}/{path}"))
    }
}

/// `String.split(",")`: empty words at the end are dropped, all of them if there are no others; a text without a comma is
/// one word.
pub(super) fn split_commas(list: &str) -> Vec<String> {
    let mut words: Vec<String> = list.split(',').map(str::to_owned).collect();
    while list.contains(',') && words.last().is_some_and(String::is_empty) {
        words.pop();
    }
    words
}

/// `Long.parseLong`.
pub(super) fn parse_long(text: &str) -> Option<i64> {
    match text.strip_prefix('+') {
        Some(rest) if rest.starts_with(['+', '-']) => None,
        Some(rest) => rest.parse().ok(),
        None => text.parse().ok(),
    }
}

/// The order in which a `HashMap` with these keys, put in this order, is walked.
pub(super) fn hash_map_order(keys: &[String]) -> Vec<usize> {
    let mut capacity = 16usize;
    while keys.len() > capacity / 4 * 3 {
        capacity *= 2;
    }
    let bucket = |key: &str| {
        let hash = key
            .encode_utf16()
            .fold(0u32, |h, unit| h.wrapping_mul(31).wrapping_add(u32::from(unit)));
        (hash ^ (hash >> 16)) as usize & (capacity - 1)
    };
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by_key(|&at| bucket(&keys[at]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_lists_are_javas() {
        assert_eq!(normalize("a//b/"), "a/b");
        assert_eq!(normalize("/"), "/");
        assert_eq!(absolute("/x/y"), "/x/y");
        assert_eq!(split_commas("a, b,,"), ["a", " b"]);
        assert_eq!(split_commas(""), [""]);
        assert_eq!(split_commas(",a"), ["", "a"]);
        assert_eq!(
            (parse_long("+5"), parse_long("+-5"), parse_long("5x")),
            (Some(5), None, None)
        );
    }

    /// As `new HashMap<>()` with these keys iterates on Java 17.
    #[test]
    fn hash_maps_are_walked_by_bucket() {
        let keys = [
            "/t/b.index",
            "/t/a.index",
            "/t/c.index",
            "/t/00000000000000000000.index",
        ]
        .map(str::to_owned);
        let walked: Vec<&str> = hash_map_order(&keys).into_iter().map(|at| keys[at].as_str()).collect();
        assert_eq!(
            walked,
            [
                "/t/a.index",
                "/t/c.index",
                "/t/00000000000000000000.index",
                "/t/b.index"
            ]
        );
    }
}
