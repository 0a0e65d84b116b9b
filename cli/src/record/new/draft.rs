//! A file that is there whole or not at all.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// The permissions of a new file, of which the umask has its say: a name server reads it as somebody else.
const MODE: u32 = 0o666;

/// What is to become a file, in the folder of that file.
pub(super) struct Draft {
    path: PathBuf,
    content: Content,
}

enum Content {
    /// Without a name until it is whole: whoever kills this process finds nothing of it.
    Unnamed(File),
    /// Where the file system knows no such thing.
    Named(NamedTempFile),
}

impl Draft {
    /// Begins the file at `path`, or the one to which a symbolic link there leads.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if path.exists() && !path.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let content = match unnamed::create(folder(&path)) {
            Some(file) => Content::Unnamed(file),
            None => Content::Named(
                builder()
                    .permissions(Permissions::from_mode(MODE))
                    .tempfile_in(folder(&path))?,
            ),
        };
        Ok(Self { path, content })
    }

    pub(super) fn file(&self) -> &File {
        match &self.content {
            Content::Unnamed(file) => file,
            Content::Named(file) => file.as_file(),
        }
    }

    /// Puts the whole file into its place, with the permissions of the one that it replaces.
    pub(super) fn publish(self) -> io::Result<PathBuf> {
        self.file().sync_all()?;
        if let Ok(replaced) = fs::metadata(&self.path) {
            self.file().set_permissions(replaced.permissions())?;
        }
        match self.content {
            Content::Unnamed(file) => builder()
                .make_in(folder(&self.path), |name| unnamed::name(&file, name))?
                .persist(&self.path)
                .map_err(|error| error.error)?,
            Content::Named(file) => {
                file.persist(&self.path).map_err(|error| error.error)?;
            }
        }
        Ok(self.path)
    }
}

fn builder() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(".sotto-");
    builder
}

fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Files without a name (open(2), O_TMPFILE).
#[cfg(target_os = "linux")]
mod unnamed {
    use std::fs::File;
    use std::io;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::{Path, PathBuf};

    use rustix::fs::{AtFlags, CWD, OFlags, linkat};

    /// A file in `folder`; `None` if it cannot be had, or could not be named later.
    pub(super) fn create(folder: &Path) -> Option<File> {
        let file = File::options()
            .write(true)
            .mode(super::MODE)
            .custom_flags(OFlags::TMPFILE.bits().cast_signed())
            .open(folder)
            .ok()?;
        descriptor(&file).exists().then_some(file)
    }

    /// Gives the file a name, at which nothing may be.
    pub(super) fn name(file: &File, name: &Path) -> io::Result<()> {
        let flags = AtFlags::SYMLINK_FOLLOW;
        Ok(linkat(CWD, descriptor(file), CWD, name, flags)?)
    }

    /// The path by which a process reaches its own open files (proc(5)).
    fn descriptor(file: &File) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
    }
}

#[cfg(not(target_os = "linux"))]
mod unnamed {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    pub(super) fn create(_: &Path) -> Option<File> {
        None
    }

    pub(super) fn name(_: &File, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_is_there_whole_or_not_at_all_with_and_without_a_name_before() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("mimi.zone");
        let count = || fs::read_dir(home.path()).unwrap().count();
        let usual = || Draft::new(&path).unwrap();
        let named = || Draft {
            path: path.clone(),
            content: Content::Named(builder().tempfile_in(home.path()).unwrap()),
        };
        for (content, begin) in [("a", &usual as &dyn Fn() -> Draft), ("b", &named)] {
            let draft = begin();
            draft.file().write_all(content.as_bytes()).unwrap();
            assert_eq!(draft.publish().unwrap(), path);
            assert_eq!(
                (fs::read_to_string(&path).unwrap().as_str(), count()),
                (content, 1)
            );
        }
        drop((usual(), named()));
        assert_eq!(
            (fs::read_to_string(&path).unwrap().as_str(), count()),
            ("b", 1)
        );
    }
}
