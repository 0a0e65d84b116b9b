//! Errors as a person reads them.

/// An error and what caused it, on one line. Causes that the error tells of itself are not told again.
#[must_use]
pub fn one_line(error: &anyhow::Error) -> String {
    error
        .chain()
        .skip(1)
        .fold(error.to_string(), |told, cause| {
            let cause = cause.to_string();
            if told.contains(&cause) {
                told
            } else {
                format!("{told}: {cause}")
            }
        })
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::{Context as _, anyhow};

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("`key`: {source}")]
    struct Telling {
        source: io::Error,
    }

    #[test]
    fn no_cause_is_left_out_or_told_twice() {
        let error = anyhow!("no such file").context("gateway.toml");
        assert_eq!(one_line(&error), "gateway.toml: no such file");
        let source = io::Error::other("broken");
        let error = Err::<(), _>(Telling { source })
            .context("gateway.toml")
            .unwrap_err();
        assert_eq!(one_line(&error), "gateway.toml: `key`: broken");
    }
}
