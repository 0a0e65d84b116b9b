//! The bearer token by which a gateway knows a relay (RFC 6750 section 2.1), as both keep it: alone in a file.

use std::{
    fmt, fs,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

/// Characters of the shortest token: 16 octets in hex, 128 bits.
pub const TOKEN_MIN_LENGTH: usize = 32;

/// Characters of the longest token; longer ones would not fit other people's header limits.
pub const TOKEN_MAX_LENGTH: usize = 1_024;

/// Octets read of a token file: more than the longest token with its line end, so that one that is too long shows.
const FILE_MAX_BYTES: u64 = 2 * TOKEN_MAX_LENGTH as u64;

/// A token; gone from memory when dropped, and never printed.
pub struct Token(Zeroizing<String>);

impl Token {
    /// Reads the file at `path`: one line of [`TOKEN_MIN_LENGTH`] to [`TOKEN_MAX_LENGTH`] characters, which nobody but
    /// its owner may read.
    ///
    /// # Errors
    ///
    /// [`TokenError`], naming the file and the remedy.
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let unreadable = |source| TokenError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let file = fs::File::open(path).map_err(unreadable)?;
        let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
        let mut octets = Zeroizing::new(Vec::with_capacity(FILE_MAX_BYTES as usize));
        file.take(FILE_MAX_BYTES)
            .read_to_end(&mut octets)
            .map_err(unreadable)?;
        if mode & 0o077 != 0 {
            return Err(TokenError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
        // What is not text is no token either: an empty text gets the same answer.
        let token = std::str::from_utf8(&octets)
            .unwrap_or_default()
            .trim_ascii();
        if !is_token(token) {
            return Err(TokenError::NoToken(path.to_owned()));
        }
        Ok(Self(Zeroizing::new(token.to_owned())))
    }

    /// The token itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

fn is_token(text: &str) -> bool {
    (TOKEN_MIN_LENGTH..=TOKEN_MAX_LENGTH).contains(&text.len())
        && text
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || b"-._~+/=".contains(&octet))
}

/// Why a file gives no token. Nothing of its content is repeated.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read.
    #[error("{}: cannot be read ({source}); {}", path.display(), unreadable_remedy(source.kind()))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Others than its owner may read it.
    #[error(
        "{} has mode {mode:03o}, so others may have read the token; run `chmod 600 {}`, and make a new token if they may have",
        path.display(),
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// What it holds is no token.
    #[error(
        "{}: not a bearer token; it must hold one line of {TOKEN_MIN_LENGTH} to {TOKEN_MAX_LENGTH} characters of \
         [A-Za-z0-9-._~+/=], the same at relay and gateway; `openssl rand -hex 32` makes a good one",
        .0.display()
    )]
    NoToken(PathBuf),
}

fn unreadable_remedy(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => {
            "put the token there that relay and gateway share; `openssl rand -hex 32` makes a good one"
        }
        io::ErrorKind::PermissionDenied => "make the user that the server runs as its owner",
        _ => "give the path of a file that holds the token",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    fn read(content: &str, mode: u32) -> Result<String, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("some.token");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Token::read(&path)
            .map(|token| token.as_str().to_owned())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn one_line_of_fair_length_is_a_token() {
        let longest = "a".repeat(TOKEN_MAX_LENGTH);
        for (content, token) in [
            (TOKEN.to_owned(), TOKEN),
            (format!("{TOKEN}\n"), TOKEN),
            (format!("{TOKEN}\r\n"), TOKEN),
            (longest.clone(), &longest),
        ] {
            assert_eq!(read(&content, 0o600).as_deref(), Ok(token));
        }
    }

    #[test]
    fn whatever_else_it_holds_is_told_and_not_repeated() {
        for content in [
            "",
            "short-canary",
            &TOKEN[1..],
            &format!("{TOKEN} canary"),
            &format!("{TOKEN}\ncanary"),
            &"a".repeat(TOKEN_MAX_LENGTH + 1),
            &format!("{TOKEN}\u{e9}"),
        ] {
            let error = read(content, 0o600).unwrap_err();
            assert!(
                error.contains("some.token") && error.contains("openssl rand"),
                "{error}"
            );
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        for mode in [0o644, 0o640, 0o604, 0o660] {
            let error = read(TOKEN, mode).unwrap_err();
            assert!(error.contains(&format!("mode {mode:03o}")), "{error}");
            assert!(error.contains("chmod 600"), "{error}");
        }
        assert!(read(TOKEN, 0o400).is_ok());
    }

    #[test]
    fn a_file_that_cannot_be_read_gets_the_remedy_of_its_cause() {
        let directory = tempfile::tempdir().unwrap();
        let refusal = |path: &Path| Token::read(path).unwrap_err().to_string();
        let absent = refusal(&directory.path().join("absent"));
        assert!(
            absent.contains("absent") && absent.contains("put the token there"),
            "{absent}"
        );
        let directory = refusal(directory.path());
        assert!(directory.contains("path of a file"), "{directory}");
        assert!(
            unreadable_remedy(io::ErrorKind::PermissionDenied).contains("owner"),
            "root reads everything, so this cannot be had from a file here"
        );
    }

    #[test]
    fn a_token_is_never_printed() {
        let token = Token(Zeroizing::new(TOKEN.to_owned()));
        assert_eq!(format!("{token:?}"), "[redacted]");
    }
}
