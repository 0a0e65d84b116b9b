//! End-to-end, hostile, privacy and interop tests.
