use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use crate::limits::Limits;
use crate::metrics::{Metrics, Plain};

/// A connection that fails when its other end takes too little: while an answer waits to be sent, enough of it
/// must go out in every window.
///
/// This bounds what slow and vanished clients cost. Waiting for a request's head is hyper's to judge, and
/// waiting for its body the handler's.
#[derive(Debug)]
pub(super) struct GuardedIo {
    stream: TcpStream,
    metrics: Arc<Metrics>,
    window: Duration,
    enough: u64,
    sent: u64,
    /// Ends the window; there is one while something waits to be sent.
    end: Option<Pin<Box<Sleep>>>,
}

impl GuardedIo {
    pub(super) fn new(stream: TcpStream, limits: &Limits, metrics: Arc<Metrics>) -> Self {
        Self {
            stream,
            metrics,
            window: limits.stall_window,
            enough: limits.min_bytes_per_window,
            sent: 0,
            end: None,
        }
    }

    /// Called when sending has to wait: fails if the window is over and too little was sent in it.
    fn judge(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let window = self.window;
        let end = self.end.get_or_insert_with(|| Box::pin(sleep(window)));
        while end.as_mut().poll(context).is_ready() {
            if self.sent < self.enough {
                self.metrics.add(Plain::Stalled, 1);
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the other end takes too little",
                ));
            }
            self.sent = 0;
            end.as_mut().reset(Instant::now() + window);
        }
        Ok(())
    }

    fn wait(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match self.judge(context) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn wrote(&mut self, written: usize) -> Poll<io::Result<usize>> {
        self.sent += written as u64;
        self.metrics.add(Plain::BytesSent, written as u64);
        Poll::Ready(Ok(written))
    }
}

impl AsyncRead for GuardedIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(done) => {
                let read = (buffer.filled().len() - before) as u64;
                self.metrics.add(Plain::BytesReceived, read);
                Poll::Ready(done)
            }
        }
    }
}

impl AsyncWrite for GuardedIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, bytes) {
            Poll::Pending => self.wait(context),
            Poll::Ready(written) => self.wrote(written?),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write_vectored(context, pieces) {
            Poll::Pending => self.wait(context),
            Poll::Ready(written) => self.wrote(written?),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper asks for this once everything is sent.
        self.end = None;
        self.sent = 0;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
