//! The records Kafka keeps in its own topics, driven by field tables.
