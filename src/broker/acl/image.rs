//! The ACLs of the metadata, found by resource (Kafka: `AclsImage`, `AclCache`).

use std::collections::BTreeMap;
use std::ops::Bound;

use uuid::Uuid;

use super::binding::{Acl, WILDCARD, pattern_type};

/// All ACLs.
#[derive(Debug, Clone, Default)]
pub struct AclsImage {
    by_id: BTreeMap<Uuid, Acl>,
    /// By type, then by name.
    literal: BTreeMap<i8, BTreeMap<String, Vec<Acl>>>,
    prefixed: BTreeMap<i8, BTreeMap<String, Vec<Acl>>>,
}

impl AclsImage {
    pub fn iter(&self) -> impl Iterator<Item = (Uuid, &Acl)> {
        self.by_id.iter().map(|(id, acl)| (*id, acl))
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub fn contains_id(&self, id: Uuid) -> bool {
        self.by_id.contains_key(&id)
    }

    pub fn contains(&self, acl: &Acl) -> bool {
        let found = self
            .index(acl)
            .get(&acl.resource_type)
            .and_then(|names| names.get(&acl.resource_name));
        found.is_some_and(|acls| acls.contains(acl))
    }

    fn index(&self, acl: &Acl) -> &BTreeMap<i8, BTreeMap<String, Vec<Acl>>> {
        if acl.pattern_type == pattern_type::PREFIXED {
            &self.prefixed
        } else {
            &self.literal
        }
    }

    fn index_mut(&mut self, acl: &Acl) -> &mut BTreeMap<i8, BTreeMap<String, Vec<Acl>>> {
        if acl.pattern_type == pattern_type::PREFIXED {
            &mut self.prefixed
        } else {
            &mut self.literal
        }
    }

    pub fn add(&mut self, id: Uuid, acl: Acl) {
        self.remove(id);
        let names = self.index_mut(&acl).entry(acl.resource_type).or_default();
        names.entry(acl.resource_name.clone()).or_default().push(acl.clone());
        self.by_id.insert(id, acl);
    }

    pub fn remove(&mut self, id: Uuid) {
        let Some(acl) = self.by_id.remove(&id) else { return };
        let Some(names) = self.index_mut(&acl).get_mut(&acl.resource_type) else {
            return;
        };
        if let Some(acls) = names.get_mut(&acl.resource_name) {
            if let Some(at) = acls.iter().position(|a| *a == acl) {
                acls.swap_remove(at);
            }
            if acls.is_empty() {
                names.remove(&acl.resource_name);
            }
        }
    }

    /// The ACLs of a type of resource.
    pub fn of_type(&self, resource_type: i8) -> impl Iterator<Item = &Acl> {
        let all = [&self.literal, &self.prefixed];
        all.into_iter()
            .filter_map(move |index| index.get(&resource_type))
            .flat_map(BTreeMap::values)
            .flatten()
    }

    /// The ACLs that speak of a resource: by its name, by a prefix of it, and by the wildcard.
    pub fn matching<'a>(&'a self, resource_type: i8, name: &'a str) -> impl Iterator<Item = &'a Acl> {
        let literal = self.literal.get(&resource_type);
        let named = |name: &str| literal.and_then(|names| names.get(name)).into_iter().flatten();
        let wildcard = (name != WILDCARD).then(|| named(WILDCARD)).into_iter().flatten();
        let prefixed = self.prefixed.get(&resource_type);
        named(name).chain(wildcard).chain(prefixes_of(prefixed, name))
    }
}

/// The entries whose key is a prefix of `name`. Names sort behind their prefixes, so each step goes to the last key that
/// can still be one; as in Kafka there are about as many steps as there are matching prefixes.
fn prefixes_of<'a>(index: Option<&'a BTreeMap<String, Vec<Acl>>>, name: &'a str) -> impl Iterator<Item = &'a Acl> {
    let mut upper = Some(Bound::Included(name));
    let next = move || {
        loop {
            let (key, acls) = index?.range::<str, _>((Bound::Unbounded, upper?)).next_back()?;
            let common = common_prefix(key, name);
            if common == key.len() {
                upper = (!key.is_empty()).then_some(Bound::Excluded(key.as_str()));
                return Some(acls);
            }
            upper = Some(Bound::Included(&name[..common]));
        }
    };
    std::iter::from_fn(next).flatten()
}

/// How many bytes two names have in common from the left, whole characters only.
fn common_prefix(a: &str, b: &str) -> usize {
    let same = a.chars().zip(b.chars()).take_while(|(x, y)| x == y);
    same.map(|(c, _)| c.len_utf8()).sum()
}

#[cfg(test)]
mod tests {
    use super::super::binding::{permission, resource_type};
    use super::*;

    fn image(acls: &[(i8, &str)]) -> AclsImage {
        let mut image = AclsImage::default();
        for (at, (pattern, name)) in acls.iter().enumerate() {
            let acl = Acl {
                resource_type: resource_type::TOPIC,
                resource_name: (*name).to_owned(),
                pattern_type: *pattern,
                principal: "User:a".to_owned(),
                host: "*".to_owned(),
                operation: 3,
                permission: permission::ALLOW,
            };
            image.add(Uuid::from_u128(at as u128), acl);
        }
        image
    }

    #[test]
    fn finds_every_pattern_that_covers_a_name() {
        use pattern_type::{LITERAL, PREFIXED};
        let mut image = image(&[
            (PREFIXED, "gar"),
            (PREFIXED, "foobar"),
            (LITERAL, "foob"),
            (PREFIXED, "foo"),
            (PREFIXED, "fb"),
            (PREFIXED, "fa"),
            (PREFIXED, "f"),
            (LITERAL, "eeee"),
            (PREFIXED, "foobarü"),
            (PREFIXED, "foobaz"),
            (LITERAL, "*"),
            (LITERAL, "foobarx"),
        ]);
        let names = |image: &AclsImage, name: &str| {
            let mut all: Vec<_> = image
                .matching(resource_type::TOPIC, name)
                .map(|a| a.resource_name.clone())
                .collect();
            all.sort();
            all
        };
        assert_eq!(names(&image, "foobarx"), ["*", "f", "foo", "foobar", "foobarx"]);
        assert_eq!(names(&image, "foobarü1"), ["*", "f", "foo", "foobar", "foobarü"]);
        assert_eq!(names(&image, "foob"), ["*", "f", "foo", "foob"]);
        assert_eq!(names(&image, "a"), ["*"]);
        assert_eq!(names(&image, "*"), ["*"]);
        assert_eq!(image.matching(resource_type::GROUP, "foo").count(), 0);
        image.remove(Uuid::from_u128(3));
        assert_eq!(names(&image, "foob"), ["*", "f", "foob"]);
    }
}
