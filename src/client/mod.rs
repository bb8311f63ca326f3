//! What commands talk through: properties, connections, cluster routing, Admin, produce and consume.
