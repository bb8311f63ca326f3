//! Other clients against `kt broker`.
