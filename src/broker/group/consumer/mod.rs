//! Groups of the consumer protocol (KIP-848).

pub mod records;
