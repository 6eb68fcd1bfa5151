//! `updraft sim chip`.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use updraft_virtual_chip::user_network::{Forward, Protocol, UserNetwork};
use updraft_virtual_chip::{ChipFault, Ended, Event, VirtualChip};
use updraft_virtual_device::bootloader::BootConfig;
use updraft_virtual_device::nor_flash::{OpenError, VirtualFlash};

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::raw;
use crate::signals::Signals;
use crate::text::clean;

/// Runs the firmware's own machine code on an emulated ESP32-C3 until Ctrl-C, and prints what it says. The chip
/// has Ethernet (firmware built with `openeth`) to a network of its own, where this machine's loopback is 10.0.2.2.
#[derive(Debug, Args)]
pub(crate) struct Chip {
    /// The file with the whole flash, as `updraft image flash` makes it; what the firmware writes is kept in it
    flash: PathBuf,
    /// How fast the chip's time may go at most, in seconds a second
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    speed: u32,
    /// Million instructions the processor runs in a second of its time
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=1000))]
    mips: u32,
    /// Make a port of this machine lead to one of the chip's, such as 8081:80; `udp:` before it for datagrams
    #[arg(long, value_name = "HOST:GUEST", value_parser = forward)]
    forward: Vec<Forward>,
    /// Boot as a bootloader does that is built with rollback; Espressif's as it comes is not
    #[arg(long)]
    rollback: bool,
}

/// Two ports and what they carry.
fn forward(text: &str) -> Result<Forward, String> {
    let (protocol, ports) = match text.strip_prefix("udp:") {
        Some(ports) => (Protocol::Udp, ports),
        None => (Protocol::Tcp, text.strip_prefix("tcp:").unwrap_or(text)),
    };
    let parsed = ports
        .split_once(':')
        .and_then(|(host, guest)| Some((host.parse::<u16>().ok()?, guest.parse::<u16>().ok()?)));
    match parsed {
        Some((host, guest_port)) if guest_port != 0 => Ok(Forward {
            host: SocketAddr::from((Ipv4Addr::LOCALHOST, host)),
            guest_port,
            protocol,
        }),
        _ => Err(format!(
            "'{text}' is not two ports such as 8081:80 (0:80 takes a free port of this machine)"
        )),
    }
}

impl Chip {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let flash = VirtualFlash::open(&self.flash).map_err(|error| {
            let exit = match &error {
                OpenError::Io { source, .. } if source.kind() == ErrorKind::NotFound => {
                    Exit::NotFound
                }
                OpenError::WrongSize { .. } => Exit::Refused,
                _ => Exit::Unexpected,
            };
            Failure::new(exit, error.code(), error.to_string())
                .hint("updraft image flash makes one")
        })?;
        let mut network = UserNetwork::builder();
        for forward in &self.forward {
            network = network.forward(*forward);
        }
        let network = network
            .start()
            .map_err(|error| Failure::new(Exit::Failed, error.code(), error.to_string()))?;
        let log = Log {
            json: context.output.is_json(),
        };
        for forward in network.forwards() {
            let way = match forward.protocol {
                Protocol::Tcp => "tcp",
                Protocol::Udp => "udp",
            };
            let Forward {
                host, guest_port, ..
            } = forward;
            log.line(
                Duration::ZERO,
                &format!("{way} {host} leads to the chip's port {guest_port}"),
            );
        }
        let mut chip = VirtualChip::builder(flash)
            .bootloader(BootConfig {
                rollback: self.rollback,
                anti_rollback: false,
            })
            .mips(self.mips)
            .speed(f64::from(self.speed))
            .ethernet(network.port())
            .observer(move |at, event| log.event(at, event))
            .build();
        let handle = chip.handle();
        let mut signals = Signals::new()?;
        let life = tokio::task::spawn_blocking(move || chip.run());
        tokio::pin!(life);
        tokio::select! {
            ended = &mut life => return over(ended),
            () = signals.next() => handle.stop(),
        }
        over(life.await)
    }
}

/// What became of the chip.
fn over(ended: Result<Result<Ended, ChipFault>, tokio::task::JoinError>) -> Result<Exit, Failure> {
    match ended {
        Ok(Ok(_)) => Ok(Exit::Interrupted),
        Ok(Err(fault)) => {
            let message = format!("the chip stopped: {fault}");
            Err(Failure::new(Exit::Failed, fault.code(), message))
        }
        Err(error) => Err(Failure::new(Exit::Unexpected, "chip", error.to_string())),
    }
}

/// Prints a chip's life, a line an event; with `--json`, a JSON document a line.
#[derive(Clone, Copy)]
struct Log {
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    /// Seconds of the chip's time since power-on.
    seconds: f64,
    event: &'a str,
}

impl Log {
    fn event(self, at: Duration, event: &Event) {
        match event {
            Event::Line(line) => self.line(at, line),
            Event::Reset(cause) => self.line(at, &format!("-- {cause}")),
            Event::Boot { log, .. } => {
                for step in log {
                    self.line(at, &format!("-- bootloader: {step}"));
                }
            }
            Event::Serial(_) => {}
        }
    }

    fn line(self, at: Duration, text: &str) {
        let (seconds, text) = (at.as_secs_f64(), clean(text));
        let line = if self.json {
            let event = text.as_str();
            serde_json::to_string(&Line { seconds, event }).unwrap_or_default()
        } else {
            format!("{seconds:>9.3} s  {text}")
        };
        // Whoever closed our output has seen enough; the chip lives on until Ctrl-C.
        let _ = raw(format!("{line}\n").as_bytes());
    }
}
