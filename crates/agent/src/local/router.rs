//! Which path is which route.

use core::net::IpAddr;

use embedded_io_async::{Read, Write};

use super::connection::Connection;
use super::refusal::Refusal;
use super::request::{Method, Request};
use crate::board::Board;
use crate::updater::Updater;

/// Something that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Page,
    Update,
    Status,
    Log,
    Rollback,
    Confirm,
    Reboot,
    Frontend,
    ConfirmFrontend,
    RollbackFrontend,
    /// A path of the API that there is not.
    Nothing,
    /// Whatever has no route of its own.
    File,
}

impl Route {
    fn of(path: &str) -> Self {
        match path {
            "/" => Self::Page,
            "/update" => Self::Update,
            "/api/ota/status" => Self::Status,
            "/api/ota/log" => Self::Log,
            "/api/ota/rollback" => Self::Rollback,
            "/api/ota/confirm" => Self::Confirm,
            "/api/ota/reboot" => Self::Reboot,
            "/api/ota/frontend" => Self::Frontend,
            "/api/ota/frontend/confirm" => Self::ConfirmFrontend,
            "/api/ota/frontend/rollback" => Self::RollbackFrontend,
            path if path == "/api" || path.starts_with("/api/") => Self::Nothing,
            _ => Self::File,
        }
    }

    /// The methods it knows, as the `Allow` header names them.
    const fn allow(self) -> &'static str {
        match self {
            Self::Update => "GET, HEAD, POST",
            Self::Page | Self::Status | Self::Log | Self::File | Self::Nothing => "GET, HEAD",
            Self::Rollback
            | Self::Confirm
            | Self::Reboot
            | Self::Frontend
            | Self::ConfirmFrontend
            | Self::RollbackFrontend => "POST",
        }
    }
}

impl<B: Board> Updater<B> {
    /// Does what the request wants and answers; or says why not, for the caller to answer.
    pub(crate) async fn route<S: Read + Write>(
        &self,
        connection: &mut Connection<'_, S, B::Clock>,
        request: &Request,
        peer: IpAddr,
    ) -> Result<(), Refusal> {
        let route = Route::of(request.path());
        let method = request.method();
        if method == Method::Post && route.allow().contains("POST") {
            self.check_may_change(request)?;
        }
        match (route, method) {
            (Route::Update, Method::Get) => self.serve_page(connection).await,
            (Route::Update, Method::Post) => self.serve_update(connection, request, peer).await,
            (Route::Status, Method::Get) => self.serve_status(connection).await,
            (Route::Log, Method::Get) => self.serve_log(connection).await,
            (Route::Rollback, Method::Post) => self.serve_rollback(connection, peer).await,
            (Route::Confirm, Method::Post) => self.serve_confirm(connection).await,
            (Route::Reboot, Method::Post) => self.serve_reboot(connection, peer).await,
            (Route::Frontend, Method::Post) => self.serve_frontend(connection, request, peer).await,
            (Route::ConfirmFrontend, Method::Post) => self.serve_frontend_confirm(connection).await,
            (Route::RollbackFrontend, Method::Post) => {
                self.serve_frontend_rollback(connection, peer).await
            }
            (Route::Page | Route::File, Method::Get) => self.serve_file(connection, request).await,
            (Route::File | Route::Nothing, _) => Err(Refusal::not_found(request.path())),
            _ => Err(Refusal::method(route.allow())),
        }
    }
}
