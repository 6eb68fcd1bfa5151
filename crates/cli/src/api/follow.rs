//! Server-sent events, as they come.

use reqwest::header::ACCEPT;
use reqwest::{Method, Response};

use super::{ApiError, Client};

/// Longest event in bytes; the server's have some hundred.
const MAX_EVENT: usize = 1024 * 1024;

/// One event of the server's stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Its number, if it counts.
    pub(crate) id: Option<String>,
    /// Its kind.
    pub(crate) event: String,
    /// Its JSON.
    pub(crate) data: String,
}

/// A stream that is open.
#[derive(Debug)]
pub(crate) struct Following {
    server: String,
    response: Response,
    text: Vec<u8>,
}

impl Client {
    /// Opens a stream of events, after the last one that was seen.
    pub(crate) async fn follow(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        last: Option<&str>,
    ) -> Result<Following, ApiError> {
        let mut request = self
            .request(Method::GET, path)
            .query(query)
            .header(ACCEPT, "text/event-stream");
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = self.exchange(request).await?;
        Ok(Following {
            server: self.server().to_owned(),
            response: self.accept(response).await?,
            text: Vec::new(),
        })
    }
}

impl Following {
    /// The next event; none when the stream ends.
    pub(crate) async fn next(&mut self) -> Result<Option<Frame>, ApiError> {
        loop {
            while let Some(end) = end_of_block(&self.text) {
                let block: Vec<u8> = self.text.drain(..end).collect();
                let frame = read(&String::from_utf8_lossy(&block));
                if !frame.data.is_empty() {
                    return Ok(Some(frame));
                }
            }
            let chunk = self.response.chunk().await;
            let chunk = chunk.map_err(|error| ApiError::unanswered(&self.server, error))?;
            let Some(chunk) = chunk.filter(|_| self.text.len() < MAX_EVENT) else {
                return Ok(None);
            };
            self.text.extend_from_slice(&chunk);
        }
    }
}

/// Where the first block ends, the empty line included.
fn end_of_block(text: &[u8]) -> Option<usize> {
    let at = text.windows(2).position(|window| window == b"\n\n")?;
    Some(at + 2)
}

/// Reads a block's lines; comments and unknown fields are passed over.
fn read(block: &str) -> Frame {
    let mut frame = Frame::default();
    for line in block.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => frame.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut frame.event),
            "data" => {
                if !frame.data.is_empty() {
                    frame.data.push('\n');
                }
                frame.data.push_str(value);
            }
            _ => {}
        }
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::{Frame, end_of_block, read};

    #[test]
    fn blocks_are_read_by_the_rules_of_event_streams() {
        let text =
            b": still here\n\nid: 7\nevent:rollout.trip\ndata: {\ndata: }\nretry: 5\n\nid: 8\n";
        let first = end_of_block(text).unwrap();
        assert_eq!(read(": still here\n\n"), Frame::default());
        let second = end_of_block(&text[first..]).unwrap();
        let frame = read(std::str::from_utf8(&text[first..first + second]).unwrap());
        assert_eq!(frame.id.as_deref(), Some("7"));
        assert_eq!(
            (frame.event.as_str(), frame.data.as_str()),
            ("rollout.trip", "{\n}")
        );
        assert_eq!(end_of_block(&text[first + second..]), None, "not whole yet");
    }
}
