//! One connection: a TCP socket towards the guest, one of the host's, and what lies between them.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddrV4};
use std::time::Duration;

use mio::net::TcpStream;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::wire::TcpSeqNumber;
use socket2::SockRef;

/// Bytes of one direction of a connection that may wait in the gateway. It is also the window the guest is offered;
/// more than a chip sends at a time.
pub const BUFFER: usize = 32 * 1024;

/// After how long a silent guest is asked whether it is still there. A chip that was reset has forgotten its
/// connections.
const KEEP_ALIVE: smoltcp::time::Duration = smoltcp::time::Duration::from_secs(45);
/// After how long without any answer a connection is given up. A chip that erases flash, or is emulated slowly, is
/// silent for a few seconds at most.
const GIVE_UP: smoltcp::time::Duration = smoltcp::time::Duration::from_secs(120);

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The guest's: the host has not answered yet.
    AskingHost,
    /// The host's: the guest has not answered yet.
    AskingGuest,
    Open,
}

/// One connection.
pub(super) struct Connection {
    /// The socket towards the guest.
    pub(super) handle: SocketHandle,
    /// The guest's end.
    pub(super) guest: SocketAddrV4,
    /// The port of the gateway's end.
    pub(super) port: u16,
    /// The number of the guest's first byte, where the guest began it: another number from the same port is another
    /// connection.
    pub(super) number: Option<TcpSeqNumber>,
    /// The host's end, until there is nothing more to do with it.
    stream: Option<TcpStream>,
    stage: Stage,
    /// The guest sends no more.
    guest_ended: bool,
    /// The host sends no more.
    host_ended: bool,
    /// The host knows that the guest sends no more.
    host_told: bool,
    /// What the guest sent and its socket may forget before the host has taken it.
    held: Vec<u8>,
}

/// A TCP socket towards the guest.
pub(super) fn socket() -> Socket<'static> {
    let buffer = || SocketBuffer::new(vec![0; BUFFER]);
    let mut socket = Socket::new(buffer(), buffer());
    // Both ends have their own idea of what to send at once; a relay that waits, too, adds up to seconds.
    socket.set_nagle_enabled(false);
    socket.set_ack_delay(None);
    socket.set_keep_alive(Some(KEEP_ALIVE));
    socket.set_timeout(Some(GIVE_UP));
    socket
}

impl Connection {
    /// A connection the guest began. Its socket waits for the host's answer.
    pub(super) fn of_guest(
        handle: SocketHandle,
        guest: SocketAddrV4,
        port: u16,
        number: TcpSeqNumber,
        stream: TcpStream,
    ) -> Self {
        let number = Some(number);
        Self::new(handle, guest, port, number, stream, Stage::AskingHost)
    }

    /// A connection the host began. Its socket calls the guest.
    pub(super) fn of_host(
        handle: SocketHandle,
        guest: SocketAddrV4,
        port: u16,
        stream: TcpStream,
    ) -> Self {
        Self::new(handle, guest, port, None, stream, Stage::AskingGuest)
    }

    fn new(
        handle: SocketHandle,
        guest: SocketAddrV4,
        port: u16,
        number: Option<TcpSeqNumber>,
        stream: TcpStream,
        stage: Stage,
    ) -> Self {
        Self {
            handle,
            guest,
            port,
            number,
            stream: Some(stream),
            stage,
            guest_ended: false,
            host_ended: false,
            host_told: false,
            held: Vec::new(),
        }
    }

    /// Moves what can be moved.
    pub(super) fn pump(&mut self, socket: &mut Socket<'_>) {
        stop_listening(socket);
        let Some(mut stream) = self.stream.take() else {
            return;
        };
        match self.advance(socket, &mut stream) {
            Ok(()) if socket.state() != State::Closed => self.stream = Some(stream),
            // All the guest sent must reach the host, also after the guest has forgotten the connection.
            Ok(()) if self.has_bytes_for_host(socket) => self.stream = Some(stream),
            Ok(()) if self.host_told && self.host_ended => {}
            Ok(()) => reset(stream),
            Err(_) => {
                socket.abort();
                reset(stream);
            }
        }
    }

    /// Whether there is nothing left to do, nor to say to the guest.
    pub(super) fn is_over(&self, socket: &Socket<'_>) -> bool {
        self.stream.is_none()
            && socket.state() == State::Closed
            && socket.remote_endpoint().is_none()
    }

    /// Whether only TCP's own last wait is left, which nobody needs.
    pub(super) fn only_waits(&self, socket: &Socket<'_>) -> bool {
        socket.state() == State::TimeWait && !self.has_bytes_for_host(socket)
    }

    /// Resets the host's end.
    pub(super) fn reset_host(&mut self) {
        if let Some(stream) = self.stream.take() {
            reset(stream);
        }
    }

    fn has_bytes_for_host(&self, socket: &Socket<'_>) -> bool {
        socket.can_recv() || !self.held.is_empty()
    }

    /// An error is the host's: it refused the connection or reset it.
    fn advance(&mut self, socket: &mut Socket<'_>, stream: &mut TcpStream) -> io::Result<()> {
        match self.stage {
            Stage::AskingHost if !has_answered(stream)? => return Ok(()),
            Stage::AskingHost => {
                stream.set_nodelay(true)?;
                socket.pause_synack(false);
            }
            Stage::AskingGuest if matches!(socket.state(), State::SynSent | State::SynReceived) => {
                return still_wants(stream);
            }
            Stage::AskingGuest | Stage::Open => {}
        }
        self.stage = Stage::Open;
        if self.host_ended
            && let Some(error) = stream.take_error()?
        {
            return Err(error);
        }
        self.guest_ended |= matches!(
            socket.state(),
            State::CloseWait | State::LastAck | State::Closing | State::TimeWait
        );
        self.move_to_host(socket, stream)?;
        self.move_to_guest(socket, stream)
    }

    fn move_to_host(&mut self, socket: &mut Socket<'_>, stream: &mut TcpStream) -> io::Result<()> {
        while !self.held.is_empty() {
            let Some(count) = now(stream.write(&self.held))? else {
                return Ok(());
            };
            self.held.drain(..count);
        }
        while socket.can_recv() {
            let written = socket.recv(|bytes| match now(stream.write(bytes)) {
                Ok(count) => (count.unwrap_or(0), Ok(count)),
                Err(error) => (0, Err(error)),
            });
            match written {
                Ok(result) => {
                    if result?.is_none() {
                        break;
                    }
                }
                Err(_) => break,
            }
        }
        // After its last wait the socket empties its buffer, however slow the host is.
        while socket.state() == State::TimeWait && socket.can_recv() {
            let held = &mut self.held;
            let moved = socket.recv(|bytes| {
                held.extend_from_slice(bytes);
                (bytes.len(), ())
            });
            if moved.is_err() {
                break;
            }
        }
        if self.guest_ended && !self.host_told && !self.has_bytes_for_host(socket) {
            stream.shutdown(Shutdown::Write)?;
            self.host_told = true;
        }
        Ok(())
    }

    fn move_to_guest(&mut self, socket: &mut Socket<'_>, stream: &mut TcpStream) -> io::Result<()> {
        while !self.host_ended && socket.can_send() {
            let read = socket.send(|room| match now(stream.read(room)) {
                Ok(count) => (count.unwrap_or(0), Ok(count)),
                Err(error) => (0, Err(error)),
            });
            match read {
                Ok(Ok(Some(count))) => self.host_ended = count == 0,
                Ok(Err(error)) => return Err(error),
                Ok(Ok(None)) | Err(_) => break,
            }
        }
        // A socket that was closed after the guest's own end takes no more heed of the guest's window (smoltcp 0.14, in
        // LAST-ACK), and would send what is left a byte a second.
        let heeds_window = socket.state() != State::CloseWait || socket.send_queue() == 0;
        if self.host_ended && heeds_window {
            socket.close();
        }
        Ok(())
    }
}

/// A socket whose connection the guest takes back before it is open listens again, and would take another's.
pub(super) fn stop_listening(socket: &mut Socket<'_>) {
    if socket.is_listening() {
        socket.close();
    }
}

/// What came of this, or `None` where the host's socket would have to wait.
fn now(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        // Nobody sends this thread signals, but a debugger does: the next event tries again.
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the host has accepted the connection; an error is its refusal.
fn has_answered(stream: &TcpStream) -> io::Result<bool> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

/// An error where the host's program has gone away without a word, before the guest answered.
fn still_wants(stream: &TcpStream) -> io::Result<()> {
    match now(stream.peek(&mut [0])) {
        Ok(Some(0)) => Err(io::ErrorKind::ConnectionAborted.into()),
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Closes the host's end so that the host's program sees a connection that broke, not one that came to its end.
fn reset(stream: TcpStream) {
    // Where it fails the connection is gone already.
    let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    drop(stream);
}
