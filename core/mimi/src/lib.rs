//! MIMI identifiers, DNS owner names and records.
