//! An index directory as it was at one moment, for readers. It takes no locks and writes nothing, so that reading never
//! waits and works in a directory that is read-only; and it shows one and the same `meta.json` for ever, so that the
//! commit's payload belongs to the segments that are searched.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, Lock, MmapDirectory, WatchCallback, WatchHandle, WritePtr,
};

/// The file that says which segments are committed.
const META: &str = "meta.json";

#[derive(Debug, Clone)]
pub(super) struct FrozenDirectory {
    inner: MmapDirectory,
    meta: Arc<Vec<u8>>,
}

impl FrozenDirectory {
    pub fn open(path: &Path) -> tantivy::Result<FrozenDirectory> {
        let inner = MmapDirectory::open(path)?;
        let meta = Arc::new(inner.atomic_read(Path::new(META))?);
        Ok(FrozenDirectory { inner, meta })
    }
}

fn read_only() -> io::Error {
    io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "a reader does not write")
}

impl Directory for FrozenDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.inner.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        Err(DeleteError::IoError { io_error: Arc::new(read_only()), filepath: path.to_owned() })
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.inner.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        Err(OpenWriteError::IoError { io_error: Arc::new(read_only()), filepath: path.to_owned() })
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        if path == Path::new(META) { Ok(self.meta.to_vec()) } else { self.inner.atomic_read(path) }
    }

    fn atomic_write(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(read_only())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    /// A reader may meet a file that the writer has just removed; it then opens the directory again.
    fn acquire_lock(&self, _: &Lock) -> Result<DirectoryLock, LockError> {
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}
