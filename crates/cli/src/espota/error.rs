//! How a push by espota fails, and what to do about each.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use updraft_protocol::espota::INVITATIONS;

use crate::error::Failure;
use crate::exit::Exit;

/// A push did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EspotaError {
    /// The name stands for nothing.
    #[error("cannot find {host}: {source}")]
    Unknown { host: String, source: io::Error },
    /// This machine's side could not be set up.
    #[error("cannot open {what} on this machine: {source}")]
    Socket { what: String, source: io::Error },
    /// No answer to any invitation.
    #[error("no answer from {device} by UDP to {INVITATIONS} invitations")]
    NoAnswer { device: SocketAddr },
    /// The machine is there, and nothing listens on that port.
    #[error("nothing listens on UDP port {} of {}", device.port(), device.ip())]
    Closed { device: SocketAddr },
    /// The device wants a password and got none, or got a response and said nothing.
    #[error("{device} asks for a password and does not answer to the one it was given")]
    NoReply { device: SocketAddr },
    /// The device wants a password.
    #[error("{device} asks for a password")]
    PasswordNeeded { device: SocketAddr },
    /// It was the wrong one.
    #[error("{device} refused the password")]
    WrongPassword { device: SocketAddr },
    /// Something answered that is not espota.
    #[error("{device} answered what espota does not: {text:?}")]
    Foreign { device: SocketAddr, text: String },
    /// The device said yes and did not connect.
    #[error("{} accepted, but did not connect to TCP port {port} of this machine within {}", device.ip(), humantime::format_duration(*waited))]
    NoConnection {
        device: SocketAddr,
        port: u16,
        waited: Duration,
    },
    /// The device said what went wrong.
    #[error("the device failed after {sent} of {size} bytes: {complaint}")]
    Device {
        complaint: String,
        sent: usize,
        size: usize,
    },
    /// The connection is gone.
    #[error("the connection was cut after {sent} of {size} bytes")]
    Cut { sent: usize, size: usize },
    /// The connection is there, and nothing comes.
    #[error("the device fell silent after {sent} of {size} bytes, for {}", humantime::format_duration(*waited))]
    Silent {
        sent: usize,
        size: usize,
        waited: Duration,
    },
    /// All was sent, and the device did not say what became of it.
    #[error("all {size} bytes were sent, but the device did not say what became of them")]
    NoVerdict { size: usize },
}

impl From<EspotaError> for Failure {
    fn from(error: EspotaError) -> Self {
        let (exit, code, hint) = match &error {
            EspotaError::Unknown { .. } => (
                Exit::Unreachable,
                "unknown_host",
                "give its IP address, or list the devices of this network with: updraft discover",
            ),
            EspotaError::Socket { .. } => (
                Exit::Config,
                "cannot_listen",
                "check --host-ip and --host-port: is the address this machine's, and the port free?",
            ),
            EspotaError::NoAnswer { .. } => (
                Exit::Unreachable,
                "no_answer",
                "is it on, in this network, and its espota enabled? A firewall on either side must let UDP through; the port is set with --port",
            ),
            EspotaError::Closed { .. } => (
                Exit::Unreachable,
                "no_answer",
                "is its espota enabled? The port is set with --port; an ESP8266 has 8266. A firewall that rejects UDP looks the same",
            ),
            EspotaError::NoReply { .. } => (
                Exit::Unreachable,
                "no_answer",
                "try again; if it stays so, restart the device: it may not take this kind of password",
            ),
            EspotaError::PasswordNeeded { .. } => (
                Exit::Config,
                "password_needed",
                "give it by --password-file, or in UPDRAFT_ESPOTA_PASSWORD",
            ),
            EspotaError::WrongPassword { .. } => (
                Exit::Config,
                "wrong_password",
                "check --password-file or UPDRAFT_ESPOTA_PASSWORD; it is the password itself, not its hash",
            ),
            EspotaError::Foreign { .. } => (
                Exit::Failed,
                "unexpected_answer",
                "is another program listening there? The port is set with --port",
            ),
            EspotaError::NoConnection { .. } => (
                Exit::Unreachable,
                "no_connection",
                "a firewall of this machine, or a NAT between, keeps the device from connecting: open one port and name it with --host-port, or use: updraft push, which needs no connection back",
            ),
            EspotaError::Device { .. } => (
                Exit::Failed,
                "device_failed",
                "the device still runs what it ran before; does the image fit it?",
            ),
            EspotaError::Cut { .. } => (
                Exit::Unreachable,
                "connection_lost",
                "the device still runs what it ran before; try again, nearer to it if its Wi-Fi is weak",
            ),
            EspotaError::Silent { .. } => (
                Exit::Unreachable,
                "timeout",
                "try again, with a longer --timeout if its flash is slow to erase",
            ),
            EspotaError::NoVerdict { .. } => (
                Exit::Unreachable,
                "no_verdict",
                "it may have restarted with the new app, or not: see which version it runs",
            ),
        };
        Self::new(exit, code, error.to_string()).hint(hint)
    }
}
