//! Message formats of magic 0 and 1 (Kafka before 0.11): read for inspection only, never accepted or written.
