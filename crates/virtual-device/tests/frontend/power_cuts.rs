//! The power is cut at every flash operation of a frontend's update, its trial and its rollback, in three ways. After
//! each cut one of the two frontends is served, whole, and the next upload succeeds.

use std::cell::RefCell;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use updraft_flash::partition::{DataKind, Entry, Kind, Label, Table, layout};
use updraft_virtual_device::device::manufacture;
use updraft_virtual_device::nor_flash::{FlashSize, Torn, VirtualFlash};

use crate::bench::{request, upload};
use crate::images::release;
use crate::memory::{Step, boot};
use crate::site::{Frontend, frontend};
use crate::support::flash::Moment;

/// Bytes of a slot here: two blocks, so that the cuts are thousands and not a million.
const SLOT: u32 = 128 * 1024;

/// Longer than a browser has.
const TOO_LATE_MS: u64 = 601_000;

/// Boots of a device, each with what is asked of it.
type Story = Vec<Vec<Step>>;

/// `ota_1`, which nothing here is about, makes room for two slots in 4 MB.
fn table() -> Table {
    let mut table = Table::new();
    for entry in layout::factory_4mb().entries() {
        if entry.label != Label::new("ota_1").expect("short") {
            table.push(*entry).expect("there is room");
        }
    }
    for (label, offset) in [("www_0", 0x2A_0000), ("www_1", 0x2C_0000)] {
        let kind = Kind::Data(DataKind::LittleFs);
        let entry = Entry::new(Label::new(label).expect("short"), kind, offset, SLOT);
        table.push(entry).expect("there is room");
    }
    table
}

/// A device with these images in its slots.
fn device(slots: [Option<&Frontend>; 2]) -> VirtualFlash {
    let table = table();
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
    manufacture(&mut flash, &table, release("1.0.0").bytes).expect("it fits");
    for (label, site) in ["www_0", "www_1"].into_iter().zip(slots) {
        let offset = table.find(label).expect("a slot of the table").offset;
        if let Some(site) = site {
            flash.preload(offset, &site.image).expect("it fits");
        }
    }
    flash
}

fn send(site: &Frontend, query: &str) -> Step {
    Step::Ask(upload(
        &format!("/api/ota/frontend{query}"),
        "",
        &site.image,
    ))
}

fn get(path: &str) -> Step {
    Step::Ask(request("GET", path, ""))
}

fn post(path: &str) -> Step {
    Step::Ask(request("POST", path, "Content-Length: 0\r\n"))
}

fn live(
    flash: &mut VirtualFlash,
    moments: Option<&RefCell<Vec<Moment>>>,
    story: Story,
) -> Vec<u16> {
    let answers = story
        .into_iter()
        .flat_map(|steps| boot(flash, moments, steps));
    answers.map(|answer| answer.status).collect()
}

/// Which of these frontends is served, and that all of it is.
fn served<'s>(
    flash: &mut VirtualFlash,
    sites: &[&'s Frontend],
    case: &str,
) -> Option<&'s Frontend> {
    let paths = ["/index.html", "/assets/index-Ab12Cd34.js", "/robots.txt"];
    let answers = boot(flash, None, paths.map(get).into());
    let page = &answers[0].body;
    let site = sites.iter().find(|site| page == site.file("index.html"))?;
    for (path, answer) in paths.iter().zip(&answers) {
        let whole = answer.status == 200 && answer.body == site.file(&path[1..]);
        assert!(whole, "{case}: {path} is not that of the page");
    }
    Some(site)
}

/// Cuts the power at every operation of the story and gives how many cuts that were.
fn cut_everywhere(
    name: &str,
    start: &VirtualFlash,
    sites: &[&Frontend],
    may_be_none: bool,
    story: impl Fn() -> Story,
    statuses: &[u16],
) -> usize {
    let moments = RefCell::new(Vec::new());
    let found = live(&mut start.clone(), Some(&moments), story());
    assert_eq!(found, statuses, "{name}, without a cut");
    let moments = moments.into_inner();
    let (next, count) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let newest = frontend("9.0.0", SLOT);
                while let Some(moment) = moments.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let cuts = cut_at(name, moment, sites, may_be_none, &newest);
                    count.fetch_add(cuts, Ordering::Relaxed);
                }
            });
        }
    });
    count.into_inner()
}

fn cut_at(
    name: &str,
    moment: &Moment,
    sites: &[&Frontend],
    may_be_none: bool,
    newest: &Frontend,
) -> usize {
    let mut cuts = 0;
    for operation in 0..moment.operations {
        let seed = moment.flash.operations() + operation;
        for torn in [Torn::Before, Torn::Half { seed }, Torn::Scrambled { seed }] {
            let case = format!("{name}, {torn:?} at operation {seed}");
            let mut flash = moment.flash.clone();
            flash.cut_power_at(seed, torn);
            let _ = moment.call.make(&mut flash);
            assert!(!flash.is_powered(), "the cut was to come in this call");
            flash.restore_power();

            let site = served(&mut flash, sites, &case);
            assert!(site.is_some() || may_be_none, "{case}: neither is served");
            // Ends the trial there may be; without one it does nothing.
            let confirm = vec![
                get("/"),
                post("/api/ota/frontend/confirm"),
                send(newest, ""),
            ];
            let statuses = live(&mut flash, None, vec![confirm]);
            assert_eq!(statuses, [200, 200, 200], "{case}: the next upload");
            assert!(served(&mut flash, &[newest], &case).is_some(), "{case}");
            assert_eq!(flash.stats().misprogrammed, 0, "{case}");
            cuts += 1;
        }
    }
    cuts
}

#[test]
fn every_power_cut_leaves_a_frontend_that_is_served() {
    let (first, second) = (frontend("1.0.0", SLOT), frontend("2.0.0", SLOT));
    let both = [&first, &second];
    let new = device([Some(&first), None]);
    let confirm = || post("/api/ota/frontend/confirm");
    let update = || vec![vec![send(&second, "")], vec![get("/")]];
    let by_browser = || {
        vec![
            vec![send(&second, "?confirm=browser")],
            vec![get("/"), confirm()],
        ]
    };
    let too_late = || {
        vec![
            vec![send(&second, "?confirm=browser")],
            vec![get("/"), Step::Wait(TOO_LATE_MS), get("/")],
        ]
    };
    let mut total = 0;
    let mut add = |name: &str, cuts: usize| {
        println!("{name}: {cuts} cuts");
        total += cuts;
    };
    let ok = [200; 4];
    add(
        "update",
        cut_everywhere("update", &new, &both, false, update, &ok[..2]),
    );
    add(
        "browser",
        cut_everywhere("browser", &new, &both, false, by_browser, &ok[..3]),
    );
    add(
        "too late",
        cut_everywhere("too late", &new, &both, false, too_late, &ok[..3]),
    );

    // The other way round: from www_1 to www_0, where the index is written already.
    let mut updated = new.clone();
    live(&mut updated, None, update());
    let back = || vec![vec![send(&first, "")], vec![get("/")]];
    add(
        "back",
        cut_everywhere("back", &updated, &both, false, back, &ok[..2]),
    );

    let rollback = || vec![vec![post("/api/ota/frontend/rollback")], vec![get("/")]];
    add(
        "rollback",
        cut_everywhere("rollback", &updated, &both, false, rollback, &ok[..2]),
    );

    // A rollback of a frontend on trial.
    let mut waiting = new.clone();
    live(
        &mut waiting,
        None,
        vec![vec![send(&second, "?confirm=browser")], vec![get("/")]],
    );
    add(
        "rollback on trial",
        cut_everywhere(
            "rollback on trial",
            &waiting,
            &both,
            false,
            rollback,
            &ok[..2],
        ),
    );

    // The indexed slot is broken, the other one stands in, and the upload replaces the broken one.
    let stood_in = device([None, Some(&first)]);
    add(
        "stand-in",
        cut_everywhere("stand-in", &stood_in, &both, false, update, &ok[..2]),
    );

    // Nothing is served, until the upload is through.
    let empty = device([None, None]);
    add(
        "recovery",
        cut_everywhere("recovery", &empty, &both, true, update, &ok[..2]),
    );

    // Not by println!, which a passing test keeps to itself.
    let count = format!(
        "{total} power cuts in frontends' updates and rollbacks, every one of them survived\n"
    );
    std::io::stderr()
        .write_all(count.as_bytes())
        .expect("stderr takes it");
    assert!(
        total > 5000,
        "an update alone has some 500 operations: {total}"
    );
}
