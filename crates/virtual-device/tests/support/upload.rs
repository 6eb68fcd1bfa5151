//! A client that pushes an image over a connection in memory.

use std::convert::Infallible;

/// A connection on which a whole request has arrived, and whose client waits for the answer.
pub(crate) struct Upload {
    request: Vec<u8>,
    sent: usize,
    answer: Vec<u8>,
}

impl Upload {
    /// `POST /update` with this body.
    pub(crate) fn of(image: &[u8]) -> Self {
        let mut request = format!(
            "POST /update HTTP/1.1\r\nHost: device\r\nContent-Length: {}\r\n\r\n",
            image.len()
        )
        .into_bytes();
        request.extend_from_slice(image);
        Self {
            request,
            sent: 0,
            answer: Vec::new(),
        }
    }

    /// What the device answered.
    pub(crate) fn answer(&self) -> String {
        String::from_utf8_lossy(&self.answer).into_owned()
    }
}

impl embedded_io_async::ErrorType for Upload {
    type Error = Infallible;
}

impl embedded_io_async::Read for Upload {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
        let left = self.request.get(self.sent..).unwrap_or_default();
        let count = left.len().min(bytes.len());
        bytes[..count].copy_from_slice(&left[..count]);
        self.sent += count;
        Ok(count)
    }
}

impl embedded_io_async::Write for Upload {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.answer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
