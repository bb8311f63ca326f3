//! Who may do what (Kafka: `StandardAuthorizer`, KIP-11, KIP-290, KIP-801): ACLs are kept in the cluster's metadata, and
//! [`Authorizer`] decides by them what a principal may do with a resource.

pub mod authorizer;
pub mod binding;
pub mod image;
pub mod manage;

pub use authorizer::Authorizer;
pub use binding::{Acl, AclFilter};
pub use image::AclsImage;
