//! Reads a body, with a limit on its size and on every wait.

use std::time::Duration;

use axum::body::HttpBody;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::time::timeout;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadError {
    /// It is larger than the limit.
    TooLarge,
    /// Nothing more came for too long.
    Idle,
    /// The other side broke off.
    Broken,
}

/// Reads the whole of `body`, at most `max` octets, waiting at most `idle` for each piece. Trailer
/// fields are dropped.
pub(crate) async fn read<B>(body: B, max: usize, idle: Duration) -> Result<Bytes, ReadError>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let mut body = body;
    if body.size_hint().lower() > max as u64 {
        return Err(ReadError::TooLarge);
    }
    // The usual body comes in one piece, which is then not copied.
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = timeout(idle, body.frame())
        .await
        .map_err(|_| ReadError::Idle)?
    {
        let Ok(piece) = frame.map_err(|_| ReadError::Broken)?.into_data() else {
            continue;
        };
        if first.len() + rest.len() + piece.len() > max {
            return Err(ReadError::TooLarge);
        }
        if first.is_empty() {
            first = piece;
        } else {
            rest.extend_from_slice(&piece);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    Ok([first, rest.freeze()].concat().into())
}
