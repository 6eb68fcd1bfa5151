//! `POST /update`: an app, as a raw body or as a form's file.

use alloc::borrow::Cow;
use core::net::IpAddr;

use embedded_io_async::{Read, Write};
use updraft_protocol::{Digest, ReasonCode};

use crate::board::Board;
use crate::failure::Failure;
use crate::intake::Intake;
use crate::local::connection::Connection;
use crate::local::multipart::{self, Splitter};
use crate::local::refusal::Refusal;
use crate::local::request::Request;
use crate::local::response::Response;
use crate::push::Announced;
use crate::session::Source;
use crate::slot::{Content, Size};
use crate::updater::Updater;

/// The body of the answer, to the letter what seed 001 sends.
const SUCCESS: &str = "OTA update successful, rebooting...";

impl<B: Board> Updater<B> {
    pub(crate) async fn serve_update<S: Read + Write>(
        &self,
        connection: &mut Connection<'_, S, B::Clock>,
        request: &Request,
        peer: IpAddr,
    ) -> Result<(), Refusal> {
        let length = request
            .content_length()?
            .ok_or_else(Refusal::length_required)?;
        let mut form = match request.header("Content-Type") {
            Some(value) if multipart::is_form(value) => Some(Splitter::of(value)?),
            _ => None,
        };
        let announced = Announced {
            size: match form {
                Some(_) => Size::AtMost(length),
                None => Size::Exact(length),
            },
            sha256: promised_sha256(request)?,
            allow_downgrade: request.header("X-Allow-Downgrade") == Some("1"),
        };
        let mut intake = self.begin_push(Source::Push, Some(peer), &announced)?;
        let taken = async {
            connection.invite_body().await?;
            take_body(connection, &mut intake, form.as_mut()).await?;
            self.complete_push(&mut intake).await
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
}

/// Takes the whole body, or the file in it.
pub(super) async fn take_body<B: Board, S: Read + Write, C: Content>(
    connection: &mut Connection<'_, S, B::Clock>,
    intake: &mut Intake<'_, B, C>,
    mut form: Option<&mut Splitter>,
) -> Result<(), Failure> {
    loop {
        let mut bytes = connection.read_body().await?;
        if bytes.is_empty() {
            break;
        }
        match &mut form {
            None => intake.push(bytes).await?,
            Some(form) => {
                while let Some(data) = form.next(&mut bytes)? {
                    intake.push(data).await?;
                }
            }
        }
    }
    form.map_or(Ok(()), |form| form.finish())
}

/// What `X-Sha256` promises.
pub(super) fn promised_sha256(request: &Request) -> Result<Option<Digest>, Refusal> {
    let Some(text) = request.header("X-Sha256") else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        Failure::new(
            ReasonCode::ProtocolError,
            "X-Sha256 is not 64 hexadecimal digits",
        )
        .into()
    })
}
