//! wrk against us and against the peer, in turns.

use std::net::SocketAddr;
use std::path::Path;

use tokio::process::Command;

use crate::http::Answer;
use crate::nginx::Nginx;
use crate::process::processor_time;
use crate::server::Server;
use crate::{Result, command};

/// Rounds of one run each; the middle one counts.
const ROUNDS: usize = 3;

/// Connections kept open.
pub(crate) const CONNECTIONS: usize = 32;

/// What one run found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) requests_per_second: f64,
    /// Milliseconds within which 99 of 100 requests were answered.
    pub(crate) p99_ms: f64,
    /// Processor time the server spent on each request, in microseconds.
    pub(crate) cpu_us: f64,
}

/// Where to ask for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) address: SocketAddr,
    /// Whose processor time is counted, with its children's.
    pub(crate) pid: u32,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    /// A script for wrk that makes the requests, if they are not all the same.
    pub(crate) script: Option<&'a Path>,
}

impl Target<'_> {
    async fn run(&self, seconds: u32) -> Result<Rate> {
        let program = command::find("wrk").ok_or("wrk is not installed")?;
        let mut command = Command::new(program);
        command
            .arg("-t1")
            .arg(format!("-c{CONNECTIONS}"))
            .arg(format!("-d{seconds}s"))
            .arg("--latency");
        if let Some(script) = self.script {
            command.arg("-s").arg(script);
        }
        for (name, value) in self.headers {
            command.arg("-H").arg(format!("{name}: {value}"));
        }
        command.arg(format!("http://{}{}", self.address, self.path));
        let before = processor_time(self.pid)?;
        let text = command::output(&mut command).await?;
        let spent = processor_time(self.pid)?.saturating_sub(before);
        let (requests, requests_per_second) = read(&text)?;
        Ok(Rate {
            requests_per_second,
            p99_ms: p99_ms(&text)?,
            cpu_us: spent.as_secs_f64() * 1e6 / requests,
        })
    }
}

/// Runs them in turns, so that whatever else this machine does hits all, and returns the middle run of each.
pub(crate) async fn compare<const N: usize>(
    targets: [Target<'_>; N],
    seconds: u32,
) -> Result<[Rate; N]> {
    // Caches, pools and tables are filled first.
    for target in &targets {
        target.run(1).await?;
    }
    let mut rates: [Vec<Rate>; N] = std::array::from_fn(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (target, rates) in targets.iter().zip(&mut rates) {
            rates.push(target.run(seconds).await?);
        }
    }
    let middles: Vec<Rate> = rates.into_iter().map(middle).collect::<Result<_>>()?;
    middles
        .try_into()
        .map_err(|_| "a middle of each was taken".into())
}

/// Asks the server and nginx, which has the same answer in a file, in turns. The answer comes first.
pub(crate) async fn compare_with_file(
    server: &Server,
    path: &str,
    headers: &[(&str, &str)],
    seconds: u32,
) -> Result<(Answer, [Rate; 2])> {
    let answer = server.get(path, headers).await?;
    let nginx = Nginx::start(&answer).await?;
    let ours = Target {
        address: server.address,
        pid: server.pid()?,
        path,
        headers,
        script: None,
    };
    let file = Target {
        address: nginx.address,
        pid: nginx.pid()?,
        path: "/file",
        ..ours
    };
    Ok((answer, compare([ours, file], seconds).await?))
}

fn middle(mut rates: Vec<Rate>) -> Result<Rate> {
    rates.sort_by(|a, b| a.requests_per_second.total_cmp(&b.requests_per_second));
    Ok(*rates.get(rates.len() / 2).ok_or("nothing was measured")?)
}

/// Reads wrk's words: requests in all, and a second. Any failed request makes the run worthless.
fn read(text: &str) -> Result<(f64, f64)> {
    let bad = text
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with("Non-2xx") || line.starts_with("Socket errors"));
    if let Some(bad) = bad {
        return Err(format!("wrk: {bad}").into());
    }
    let number = |name: &str| -> Result<f64> {
        text.lines()
            .find_map(|line| {
                let mut words = line.split_whitespace();
                match (words.next()?, words.next()?) {
                    (number, word) | (word, number) if word == name => number.parse().ok(),
                    _ => None,
                }
            })
            .ok_or_else(|| format!("wrk said: {text}").into())
    };
    Ok((number("requests")?, number("Requests/sec:")?))
}

/// The line `99%` of wrk's latencies, which has a unit of its own.
fn p99_ms(text: &str) -> Result<f64> {
    let word = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("99%"))
        .map(str::trim)
        .ok_or_else(|| format!("wrk said: {text}"))?;
    for (unit, milliseconds) in [("us", 1e-3), ("ms", 1.0), ("s", 1e3), ("m", 6e4)] {
        if let Some(number) = word.strip_suffix(unit) {
            return Ok(number.parse::<f64>()? * milliseconds);
        }
    }
    Err(format!("wrk said: {text}").into())
}
