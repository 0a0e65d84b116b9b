//! Writing tables to files, and reading them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::marker::PhantomData;
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    AuthoritySaw, ClientRelay, GatewaySaw, RelayGateway, RelaySaw, ResolverSaw, Truth, View,
};
use crate::LabError;

/// Octets that are written at once.
const BUFFER_OCTETS: usize = 1 << 17;

/// In which form tables are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Jsonl,
    /// RFC 4180, with a line of column names.
    Csv,
    /// Both.
    Both,
}

/// The row of a table, counted from 0.
pub type RowNumber = u64;

/// A file of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct FileDigest {
    /// The file.
    pub file: String,
    /// Rows in it.
    pub rows: u64,
    /// Octets in it.
    pub octets: u64,
    /// SHA-256 of it, hexadecimal: equal for equal scenarios and seeds.
    pub sha256: String,
}

/// A table that is being written.
pub struct Table<T> {
    lines: Option<Sink>,
    sheet: Option<csv::Writer<Sink>>,
    rows: RowNumber,
    directory: std::path::PathBuf,
    of: PhantomData<fn(T)>,
}

/// A file and the digest of what went into it.
struct Sink {
    file: BufWriter<File>,
    digest: Sha256,
    octets: u64,
}

impl Sink {
    fn create(path: &Path) -> Result<Self, LabError> {
        let file = File::create_new(path).map_err(LabError::file(path))?;
        Ok(Self {
            file: BufWriter::with_capacity(BUFFER_OCTETS, file),
            digest: Sha256::new(),
            octets: 0,
        })
    }
}

impl Write for Sink {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let written = self.file.write(octets)?;
        self.digest.update(&octets[..written]);
        self.octets += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl<T: View> Table<T> {
    fn create(directory: &Path, format: Format) -> Result<Self, LabError> {
        let sink = |extension| Sink::create(&directory.join(format!("{}.{extension}", T::FILE)));
        let lines = (format != Format::Csv).then(|| sink("jsonl")).transpose()?;
        let sheet = (format != Format::Jsonl).then(|| sink("csv")).transpose()?;
        let mut sheet = sheet.map(|sink| {
            csv::WriterBuilder::new()
                .has_headers(false)
                .from_writer(sink)
        });
        if let Some(sheet) = &mut sheet {
            sheet
                .write_record(T::COLUMNS)
                .map_err(io::Error::from)
                .map_err(LabError::file(directory))?;
        }
        Ok(Self {
            lines,
            sheet,
            rows: 0,
            directory: directory.to_owned(),
            of: PhantomData,
        })
    }

    /// Writes a row; its number.
    ///
    /// # Errors
    ///
    /// [`LabError::File`] if there is no room.
    pub fn push(&mut self, row: &T) -> Result<RowNumber, LabError> {
        let number = self.rows;
        self.rows += 1;
        self.write(row).map_err(LabError::file(&self.directory))?;
        Ok(number)
    }

    fn write(&mut self, row: &T) -> io::Result<()> {
        if let Some(lines) = &mut self.lines {
            let mut line = serde_json::to_vec(row)?;
            line.push(b'\n');
            lines.write_all(&line)?;
        }
        if let Some(sheet) = &mut self.sheet {
            sheet.serialize(row)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<FileDigest>, LabError> {
        let wrong = LabError::file(&self.directory);
        let mut digests = Vec::new();
        let mut end = |mut sink: Sink, extension: &str| -> io::Result<()> {
            sink.flush()?;
            digests.push(FileDigest {
                file: format!("{}.{extension}", T::FILE),
                rows: self.rows,
                octets: sink.octets,
                sha256: data_encoding::HEXLOWER.encode(&sink.digest.finalize()),
            });
            Ok(())
        };
        let ended = match self.lines {
            Some(sink) => end(sink, "jsonl"),
            None => Ok(()),
        };
        let ended = ended.and_then(|()| match self.sheet {
            Some(sheet) => end(
                sheet
                    .into_inner()
                    .map_err(csv::IntoInnerError::into_error)?,
                "csv",
            ),
            None => Ok(()),
        });
        ended.map_err(wrong)?;
        Ok(digests)
    }
}

/// Every table of a run, being written.
pub struct Recording {
    /// What nobody knows.
    pub truth: Table<Truth>,
    /// The network between clients and relays.
    pub client_relay: Table<ClientRelay>,
    /// The relays.
    pub relay: Table<RelaySaw>,
    /// The network between relays and the gateway.
    pub relay_gateway: Table<RelayGateway>,
    /// The gateway.
    pub gateway: Table<GatewaySaw>,
    /// The resolver.
    pub resolver: Table<ResolverSaw>,
    /// The authorities.
    pub authority: Table<AuthoritySaw>,
}

impl Recording {
    /// Makes the files in a directory.
    ///
    /// # Errors
    ///
    /// [`LabError::File`] if one of them is there already or cannot be made.
    pub fn create(directory: &Path, format: Format) -> Result<Self, LabError> {
        Ok(Self {
            truth: Table::create(directory, format)?,
            client_relay: Table::create(directory, format)?,
            relay: Table::create(directory, format)?,
            relay_gateway: Table::create(directory, format)?,
            gateway: Table::create(directory, format)?,
            resolver: Table::create(directory, format)?,
            authority: Table::create(directory, format)?,
        })
    }

    /// Writes what is left, and says what is in the files.
    ///
    /// # Errors
    ///
    /// [`LabError::File`] if there is no room.
    pub fn finish(self) -> Result<Vec<FileDigest>, LabError> {
        Ok([
            self.truth.finish()?,
            self.client_relay.finish()?,
            self.relay.finish()?,
            self.relay_gateway.finish()?,
            self.gateway.finish()?,
            self.resolver.finish()?,
            self.authority.finish()?,
        ]
        .concat())
    }
}

/// Reads a table, JSON Lines or else CSV.
///
/// # Errors
///
/// [`LabError::Missing`] if it is there in neither form, [`LabError::Row`] names a row that is not one.
pub fn read<T: View>(directory: &Path) -> Result<Vec<T>, LabError> {
    let path = directory.join(format!("{}.jsonl", T::FILE));
    let wrong = |path: &Path, row: usize, reason: String| LabError::Row {
        path: path.to_owned(),
        row: row + 1,
        reason,
    };
    if path.exists() {
        let file = BufReader::with_capacity(
            BUFFER_OCTETS,
            File::open(&path).map_err(LabError::file(&path))?,
        );
        let mut rows = Vec::new();
        for (number, line) in file.lines().enumerate() {
            let line = line.map_err(LabError::file(&path))?;
            let row = serde_json::from_str(&line);
            rows.push(row.map_err(|error| wrong(&path, number, error.to_string()))?);
        }
        return Ok(rows);
    }
    let path = directory.join(format!("{}.csv", T::FILE));
    if !path.exists() {
        return Err(LabError::Missing(directory.to_owned(), T::FILE));
    }
    let mut sheet = csv::Reader::from_path(&path)
        .map_err(io::Error::from)
        .map_err(LabError::file(&path))?;
    sheet
        .deserialize()
        .enumerate()
        .map(|(number, row)| {
            row.map_err(|error: csv::Error| wrong(&path, number, error.to_string()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::{ClientAddress, RelayHost, Towards};

    fn rows() -> Vec<ClientRelay> {
        (0..3)
            .map(|number| ClientRelay {
                at_us: u64::from(number) * 10,
                client: ClientAddress::new(number),
                relay: RelayHost(0),
                towards: Towards::Relay,
                octets: 2_048,
            })
            .collect()
    }

    fn write(format: Format) -> (tempfile::TempDir, Vec<FileDigest>) {
        let directory = tempfile::tempdir().unwrap();
        let mut recording = Recording::create(directory.path(), format).unwrap();
        for (number, row) in rows().iter().enumerate() {
            assert_eq!(recording.client_relay.push(row).unwrap(), number as u64);
        }
        let digests = recording.finish().unwrap();
        (directory, digests)
    }

    #[test]
    fn a_table_is_read_as_it_was_written_in_either_form() {
        for (format, files) in [(Format::Jsonl, 7), (Format::Csv, 7), (Format::Both, 14)] {
            let (directory, digests) = write(format);
            assert_eq!(digests.len(), files);
            assert_eq!(read::<ClientRelay>(directory.path()).unwrap(), rows());
            for digest in digests {
                let octets = std::fs::read(directory.path().join(&digest.file)).unwrap();
                assert_eq!(octets.len() as u64, digest.octets);
                let expected = data_encoding::HEXLOWER.encode(&Sha256::digest(&octets));
                assert_eq!(digest.sha256, expected);
                assert_eq!(digest.rows == 3, digest.file.starts_with("client-relay"));
            }
        }
    }

    #[test]
    fn what_is_no_row_is_named() {
        let (directory, _) = write(Format::Jsonl);
        let path = directory.path().join("client-relay.jsonl");
        std::fs::write(&path, "{}\n").unwrap();
        let error = read::<ClientRelay>(directory.path()).unwrap_err();
        assert!(
            error.to_string().contains("row 1: missing field"),
            "{error}"
        );
        std::fs::remove_file(path).unwrap();
        let error = read::<ClientRelay>(directory.path()).unwrap_err();
        assert!(error.to_string().contains("client-relay.jsonl"), "{error}");
        let again = Recording::create(directory.path(), Format::Jsonl);
        assert!(again.is_err(), "nothing is written over");
    }
}
