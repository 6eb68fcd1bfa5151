//! `POST /api/ota/frontend`, and confirming and leaving a frontend.

use alloc::borrow::Cow;
use alloc::format;
use core::net::IpAddr;

use embedded_io_async::{Read, Write};

use super::update::{promised_sha256, take_body};
use crate::board::Board;
use crate::local::connection::Connection;
use crate::local::multipart::{self, Splitter};
use crate::local::refusal::Refusal;
use crate::local::request::Request;
use crate::local::response::Response;
use crate::session::Source;
use crate::slot::Size;
use crate::updater::Updater;
use crate::www::Confirm;

/// The body of the answer.
const SUCCESS: &str = "Frontend update successful, rebooting...";

/// Who is to confirm, by the query.
fn confirm(request: &Request) -> Result<Confirm, Refusal> {
    let mut options = request.query().split('&');
    match options.find_map(|option| option.strip_prefix("confirm=")) {
        None | Some("manifest") => Ok(Confirm::Manifest),
        Some("browser") => Ok(Confirm::Browser),
        Some(other) => Err(Refusal::bad_request(format_args!(
            "confirm={other} is not known; it is manifest or browser"
        ))),
    }
}

impl<B: Board> Updater<B> {
    /// An image of web assets, as a raw body or as a form's file.
    pub(crate) async fn serve_frontend<S: Read + Write>(
        &self,
        connection: &mut Connection<'_, S, B::Clock>,
        request: &Request,
        peer: IpAddr,
    ) -> Result<(), Refusal> {
        let length = request
            .content_length()?
            .ok_or_else(Refusal::length_required)?;
        let confirm = confirm(request)?;
        let mut form = match request.header("Content-Type") {
            Some(value) if multipart::is_form(value) => Some(Splitter::of(value)?),
            _ => None,
        };
        let size = match form {
            Some(_) => Size::AtMost(length),
            None => Size::Exact(length),
        };
        self.www_opened().await;
        let mut intake = self.begin_frontend(
            Source::Frontend,
            Some(peer),
            size,
            promised_sha256(request)?,
        )?;
        let taken = async {
            connection.invite_body().await?;
            take_body(connection, &mut intake, form.as_mut()).await?;
            self.complete_frontend(&mut intake, confirm).await
        };
        if let Err(failure) = taken.await {
            intake.give_up(&failure);
            return Err(Refusal::of_update(failure));
        }
        let answer = Response {
            status: 200,
            content_type: "text/plain; charset=utf-8",
            body: Cow::Borrowed(SUCCESS.as_bytes()),
            header: None,
        };
        self.answer_and_restart(connection, &answer, intake).await
    }

    /// The frontend on trial is good: its browser says so.
    pub(crate) async fn serve_frontend_confirm<S: Read + Write>(
        &self,
        connection: &mut Connection<'_, S, B::Clock>,
    ) -> Result<(), Refusal> {
        self.www_opened().await;
        let message = if self.confirm_www_by_hand()? {
            "the frontend is confirmed"
        } else {
            "no frontend is on trial"
        };
        Ok(connection.respond(&Response::done(message.into())).await?)
    }

    /// Back to the other frontend, at once.
    pub(crate) async fn serve_frontend_rollback<S: Read + Write>(
        &self,
        connection: &mut Connection<'_, S, B::Clock>,
        peer: IpAddr,
    ) -> Result<(), Refusal> {
        self.www_opened().await;
        let slot = self.roll_back_www_by_hand(Some(peer)).await?;
        let message = format!("www_{slot} is served from now on");
        Ok(connection.respond(&Response::done(message)).await?)
    }
}
