//! Private, proved MIMI lookups: a step machine without I/O, and a tokio transport.
