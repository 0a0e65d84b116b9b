//! What every party of an oblivious MIMI lookup must agree on and nobody needs a key for.
