//! A device in memory: one boot after the other, requests in between, time that jumps.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::Ipv4Addr;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use updraft_agent::{Board, Clock as _, Parts, Settings, System, Updater, guard_boot};
use updraft_flash::slot::AppSlot;
use updraft_image::Chip;
use updraft_protocol::ResetReason;
use updraft_virtual_device::nor_flash::VirtualFlash;

use crate::http::Answer;
use crate::images::release;
use crate::support::clock::VirtualClock;
use crate::support::flash::{Moment, RecordedFlash};
use crate::support::network::MemoryNetwork;
use crate::support::server::Server;

/// Jumps of the clock after which a device that does nothing never will.
const MAX_JUMPS: usize = 100_000;

struct MemorySystem(Rc<Cell<bool>>);

impl System for MemorySystem {
    fn chip(&self) -> Chip {
        Chip::Esp32c3
    }

    fn running_slot(&self) -> AppSlot {
        AppSlot::Factory
    }

    fn reset_reason(&self) -> ResetReason {
        ResetReason::PowerOn
    }

    fn random(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }

    async fn reboot(&self) -> Infallible {
        self.0.set(true);
        std::future::pending().await
    }
}

/// Shows nothing.
struct Unseen;

impl updraft_agent::Indicator for Unseen {
    fn show(&mut self, _: &updraft_agent::Event<'_>) {}
}

struct MemoryBoard<'f>(std::marker::PhantomData<&'f ()>);

impl<'f> Board for MemoryBoard<'f> {
    type Flash = RecordedFlash<'f>;
    type Network = MemoryNetwork;
    type Clock = VirtualClock;
    type System = MemorySystem;
    type Indicator = Unseen;
    type Leds = ();
}

/// A connection whose whole request has arrived.
struct Exchange {
    request: Vec<u8>,
    position: usize,
    answer: Vec<u8>,
}

impl embedded_io_async::ErrorType for Exchange {
    type Error = Infallible;
}

impl embedded_io_async::Read for Exchange {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
        let left = &self.request[self.position..];
        let count = left.len().min(bytes.len());
        bytes[..count].copy_from_slice(&left[..count]);
        self.position += count;
        Ok(count)
    }
}

impl embedded_io_async::Write for Exchange {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.answer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// What is done with a running device.
pub(crate) enum Step {
    /// A request is made.
    Ask(Vec<u8>),
    /// Nothing, for so many milliseconds.
    Wait(u64),
}

/// Runs the device from a boot until all steps are done or it resets; gives the answers. Whoever is cut off by the reset
/// has its answer, too.
pub(crate) fn boot(
    flash: &mut VirtualFlash,
    moments: Option<&RefCell<Vec<Moment>>>,
    steps: Vec<Step>,
) -> Vec<Answer> {
    let clock = VirtualClock::default();
    let reset = Rc::new(Cell::new(false));
    let system = MemorySystem(Rc::clone(&reset));
    let mut flash = RecordedFlash { flash, moments };
    let boot = guard_boot(&mut flash, &system, 1);
    let parts = Parts::<MemoryBoard<'_>> {
        flash,
        network: MemoryNetwork {
            server: Server::new(release("1.0.0")),
            clock: clock.clone(),
            up: true,
        },
        clock: clock.clone(),
        system,
        checks: Vec::new(),
        indicator: Unseen,
        leds: (),
    };
    let id = "memory".parse().expect("a name");
    let settings = Settings::new("", id, "esp32c3".parse().expect("a name"));
    let updater = Updater::new(boot, parts, settings).expect("an updater");
    let answers = RefCell::new(Vec::new());
    let mut life = pin!(updater.run());
    let mut visits = pin!(async {
        for step in steps {
            match step {
                Step::Wait(milliseconds) => clock.sleep_ms(milliseconds).await,
                Step::Ask(request) => {
                    let mut exchange = Exchange {
                        request,
                        position: 0,
                        answer: Vec::new(),
                    };
                    let place = answers.borrow().len();
                    {
                        let mut served =
                            pin!(updater.serve_http(&mut exchange, Ipv4Addr::LOCALHOST.into()));
                        poll_fn(|context| match served.as_mut().poll(context) {
                            Poll::Pending if reset.get() => Poll::Ready(()),
                            other => other,
                        })
                        .await;
                    }
                    let answer = Answer::parse(&exchange.answer);
                    answers.borrow_mut().extend(answer);
                    assert!(answers.borrow().len() > place, "no answer");
                    if reset.get() {
                        return;
                    }
                }
            }
        }
    });
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..MAX_JUMPS {
        let Poll::Pending = life.as_mut().poll(&mut context);
        if visits.as_mut().poll(&mut context).is_ready() || reset.get() {
            return answers.take();
        }
        assert!(clock.jump(), "nothing will ever happen again");
    }
    panic!("too much happens");
}
