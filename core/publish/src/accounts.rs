//! Accounts of a hoster, read row by row.
