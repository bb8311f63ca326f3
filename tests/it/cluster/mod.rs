//! Promises of the cluster: what survives which failure.
