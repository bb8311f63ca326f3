//! One file per kind of file that Kafka keeps on disk, and the partition log made of them.
