//! `GET /` and `GET /update`: the device's own page.

use alloc::borrow::Cow;

use embedded_io_async::{Read, Write};

use crate::board::Board;
use crate::local::connection::Connection;
use crate::local::refusal::Refusal;
use crate::local::response::Response;
use crate::updater::Updater;

/// One file without anything from elsewhere: it must work where there is no other network than the device's.
const PAGE: &str = include_str!("../page.html");

impl<B: Board> Updater<B> {
    pub(crate) async fn serve_page<S: Read + Write>(
        &self,
        connection: &mut Connection<'_, S, B::Clock>,
    ) -> Result<(), Refusal> {
        let page = Response {
            status: 200,
            content_type: "text/html; charset=utf-8",
            body: Cow::Borrowed(PAGE.as_bytes()),
            header: Some((
                "Content-Security-Policy",
                "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                 img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
            )),
        };
        Ok(connection.respond(&page).await?)
    }
}
