//! Framing over the `kafka-protocol` crate: frames, headers, version ranges, error codes.
