//! Names that a topic can have (Kafka: `Topic.validate`).

/// The longest name, in characters.
const MOST: usize = 249;

/// Whether a name that is not empty can be a topic's.
pub fn is_legal(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    name.len() <= MOST && ![".", ".."].contains(&name) && name.chars().all(legal)
}
