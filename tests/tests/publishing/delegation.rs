//! Handing `_mimi` over, opting out, and removal.
