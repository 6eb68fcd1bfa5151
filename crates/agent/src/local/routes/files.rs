//! `GET` of everything else: the frontend's files, straight out of their slot.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use core::fmt::Write as _;

use embedded_io_async::{Read, Write};
use updraft_www::manifest::Encoding;
use updraft_www::serve::Asset;

use crate::board::Board;
use crate::failure::Failure;
use crate::local::READ;
use crate::local::connection::Connection;
use crate::local::refusal::Refusal;
use crate::local::request::Request;
use crate::local::response::Response;
use crate::updater::Updater;
use crate::www::{Found, WwwFile, may_be_page};

/// Shown when there are slots for a frontend and nothing in them can be served: it takes one.
const RECOVERY: &str = include_str!("../recovery.html");

/// Status line and headers of a file.
fn head(asset: &Asset, unchanged: bool) -> String {
    let mut head = String::from(if unchanged {
        "HTTP/1.1 304 Not Modified\r\n"
    } else {
        "HTTP/1.1 200 OK\r\n"
    });
    // Writing to a String cannot fail.
    if !unchanged {
        let (size, kind) = (asset.file.size, asset.content_type);
        let _ = write!(head, "Content-Length: {size}\r\nContent-Type: {kind}\r\n");
        if asset.encoding != Encoding::Identity {
            let _ = write!(head, "Content-Encoding: {}\r\n", asset.encoding.name());
        }
    }
    if let Some(etag) = &asset.etag {
        let _ = write!(head, "ETag: {etag}\r\n");
    }
    let cache = asset.cache.control();
    let _ = write!(
        head,
        "Cache-Control: {cache}\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: SAMEORIGIN\r\n\
         Connection: close\r\n\r\n"
    );
    head
}

impl<B: Board> Updater<B> {
    /// A file of the frontend; the device's own page where there is no room for a frontend.
    pub(crate) async fn serve_file<S: Read + Write>(
        &self,
        connection: &mut Connection<'_, S, B::Clock>,
        request: &Request,
    ) -> Result<(), Refusal> {
        self.www_opened().await;
        let loads = !request.is_head();
        match self.www_file(request.target(), loads)? {
            Found::File(file) => Ok(self.send_file(connection, request, &file).await?),
            Found::NoSlots if request.path() == "/" => self.serve_page(connection).await,
            Found::Unserved if may_be_page(request.target()) => {
                let page = Response {
                    status: 200,
                    content_type: "text/html; charset=utf-8",
                    body: Cow::Borrowed(RECOVERY.as_bytes()),
                    header: Some((
                        "Content-Security-Policy",
                        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                         connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; \
                         frame-ancestors 'none'",
                    )),
                };
                Ok(connection.respond(&page).await?)
            }
            Found::NoSlots | Found::Unserved | Found::Nothing => {
                Err(Refusal::not_found(request.path()))
            }
        }
    }

    /// Sends a file in small reads, the flash being free between them. What cannot be read ends the connection: its
    /// `Content-Length` tells the browser.
    async fn send_file<S: Read + Write>(
        &self,
        connection: &mut Connection<'_, S, B::Clock>,
        request: &Request,
        file: &WwwFile,
    ) -> Result<(), Failure> {
        let asset = &file.asset;
        let known = request.header("If-None-Match");
        let unchanged = asset
            .etag
            .zip(known)
            .is_some_and(|(etag, known)| etag.is_in(known));
        let head = head(asset, unchanged);
        connection.write(&[head.as_bytes()]).await?;
        if unchanged || request.is_head() {
            return Ok(());
        }
        let mut bytes = [0; READ];
        let mut position = 0;
        while position < asset.file.size {
            let count = match self.read_www(file, position, &mut bytes) {
                Ok(count) if count > 0 => count,
                Ok(_) => break,
                Err(failure) => {
                    let detail = format!("{}: {}", request.path(), failure.detail);
                    self.show_failure(&Failure { detail, ..failure });
                    break;
                }
            };
            let piece = [bytes.get(..count).unwrap_or_default()];
            if connection.write(&piece).await.is_err() {
                // Browsers close what they no longer want.
                break;
            }
            position += count as u32;
        }
        Ok(())
    }
}
