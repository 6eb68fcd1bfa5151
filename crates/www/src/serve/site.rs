//! A mounted image as a website.

use embedded_storage::nor_flash::ReadNorFlash;

use super::target::FilePath;
use super::{Asset, Etag, cache, content_type};
use crate::littlefs::{Fault, File, Mount};
use crate::manifest::{
    Cache, ContentType, Encoding, GZIP_SUFFIX, ManifestFault, PATH, Reader, Version,
};

/// A mounted image as a website: where things are, not the flash itself. About 100 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    mount: Mount,
    has_manifest: bool,
    version: Option<Version>,
}

/// What the manifest says of a file.
struct Listed {
    content_type: ContentType,
    encoding: Encoding,
    cache: Cache,
    etag: Etag,
}

impl Site {
    /// Looks whether the image has a manifest; one that cannot be read is as good as none.
    pub fn open<F: ReadNorFlash>(mount: Mount, flash: &mut F) -> Result<Self, Fault<F::Error>> {
        let (has_manifest, version) = match Reader::open(mount, flash) {
            Ok(manifest) => (true, manifest.version().copied()),
            Err(ManifestFault::Image(fault)) => return Err(fault),
            Err(_) => (false, None),
        };
        Ok(Self {
            mount,
            has_manifest,
            version,
        })
    }

    /// The image.
    pub const fn mount(&self) -> Mount {
        self.mount
    }

    /// Whether the image has a manifest that can be read.
    pub const fn has_manifest(&self) -> bool {
        self.has_manifest
    }

    /// The frontend's own version, if its manifest names one.
    pub const fn version(&self) -> Option<&Version> {
        self.version.as_ref()
    }

    /// The file for a request's target such as `/`, `/assets/index-Ab12Cd34.js` or `/a%20b.txt?x=1`, or `None`: then the
    /// server answers 404, or with `/` where the frontend has paths of its own.
    ///
    /// A folder's address with its slash is that of its `index.html`. A file that is stored compressed is found
    /// under its own name, not under that with `.gz`. The manifest is no file of the website.
    pub fn find<F: ReadNorFlash>(
        &self,
        flash: &mut F,
        target: &str,
    ) -> Result<Option<Asset>, Fault<F::Error>> {
        let Some(mut path) = FilePath::new(target).filter(|path| path.as_str() != PATH) else {
            return Ok(None);
        };
        let of_name = ContentType::new(content_type(path.as_str())).unwrap_or(ContentType::EMPTY);
        let cache = cache(path.as_str());
        if let Some(file) = self.mount.file(flash, path.as_str())? {
            let listed = self.listed(flash, path.as_str())?;
            return Ok(match listed {
                Some(listed) if listed.encoding == Encoding::Gzip => None,
                Some(listed) => Some(listed.asset(file)),
                None => Some(Asset {
                    file,
                    content_type: of_name,
                    encoding: Encoding::Identity,
                    cache,
                    etag: None,
                }),
            });
        }
        if path.push(GZIP_SUFFIX.as_bytes()).is_none() {
            return Ok(None);
        }
        let Some(file) = self.mount.file(flash, path.as_str())? else {
            return Ok(None);
        };
        let listed = self.listed(flash, path.as_str())?;
        Ok(match listed {
            Some(listed) if listed.encoding == Encoding::Gzip => Some(listed.asset(file)),
            Some(_) => None,
            None => Some(Asset {
                file,
                content_type: of_name,
                encoding: Encoding::Gzip,
                cache,
                etag: None,
            }),
        })
    }

    /// What the manifest says of the file stored at `path`; `None` without a manifest, or when it does not list it.
    fn listed<F: ReadNorFlash>(
        &self,
        flash: &mut F,
        path: &str,
    ) -> Result<Option<Listed>, Fault<F::Error>> {
        if !self.has_manifest {
            return Ok(None);
        }
        let manifest = Reader::open(self.mount, flash);
        let Some(mut manifest) = unless_broken(manifest)? else {
            return Ok(None);
        };
        loop {
            let line = manifest.next(flash);
            match unless_broken(line)?.flatten() {
                None => return Ok(None),
                Some(line) if line.path == path => {
                    return Ok(Some(Listed {
                        content_type: line.content_type,
                        encoding: line.encoding,
                        cache: line.cache,
                        etag: Etag::new(&line.sha256),
                    }));
                }
                Some(_) => {}
            }
        }
    }
}

/// What was read, `None` for a manifest that is not one; only a broken image is a fault.
fn unless_broken<T, E>(read: Result<T, ManifestFault<E>>) -> Result<Option<T>, Fault<E>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(ManifestFault::Image(fault)) => Err(fault),
        Err(_) => Ok(None),
    }
}

impl Listed {
    const fn asset(self, file: File) -> Asset {
        Asset {
            file,
            content_type: self.content_type,
            encoding: self.encoding,
            cache: self.cache,
            etag: Some(self.etag),
        }
    }
}
