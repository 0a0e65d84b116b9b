//! What is wrong with what is published.
