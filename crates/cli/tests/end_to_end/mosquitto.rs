//! A Mosquitto of a test's own.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A broker that lets everybody in, on the loopback.
pub(crate) struct Mosquitto {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Mosquitto {
    /// Starts it; none where it is not installed, which only CI does not accept.
    pub(crate) fn start() -> Option<Self> {
        let installed = Path::new("/usr/sbin/mosquitto");
        if !installed.exists() {
            let why = "no mosquitto (Debian: apt-get install mosquitto)";
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{why}");
            // Printed past the capture of a passing test.
            let _ = std::io::stderr().write_all(format!("skipped: {why}\n").as_bytes());
            return None;
        }
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("its address");
        drop(free);
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("mosquitto.conf");
        let config = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\n",
            address.port()
        );
        std::fs::write(&file, config).expect("its configuration");
        let mut child = Command::new(installed)
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(child.try_wait().expect("its state").is_none(), "it ended");
            assert!(began.elapsed() < Duration::from_mins(1), "it never listens");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self {
            child,
            address,
            _folder: folder,
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://{}", self.address)
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // Nothing is left to lose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
