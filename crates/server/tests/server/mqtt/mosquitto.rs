//! An external broker: Debian's Mosquitto, with TLS, passwords and its own access rules.

use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use updraft_server::{Broker, Mqtt};

use super::scene::{Client, PATIENCE, skipped};
use crate::support::{TestServer, random_token, start_with};

/// A Mosquitto with a listener for TLS and one without.
pub struct Mosquitto {
    child: Child,
    folder: TempDir,
    pub plain: SocketAddr,
    pub tls: SocketAddr,
    password: String,
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

impl Mosquitto {
    /// Starts it with these devices; none where it is not installed, which only CI does not accept.
    pub fn start(devices: &[(&str, &str)]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        // It gives up root and reads its files as another user.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let password = random_token();
        let file = folder.path().join("passwords");
        let mut lines = format!("updraft:{password}\nspy:{password}\n");
        for (id, token) in devices {
            writeln!(lines, "{id}:{token}").unwrap();
        }
        fs::write(&file, lines).unwrap();
        let hashed = Command::new("mosquitto_passwd")
            .arg("-U")
            .arg(&file)
            .status();
        if !hashed.is_ok_and(|status| status.success()) {
            skipped("no mosquitto_passwd (Debian: apt-get install mosquitto)");
            return None;
        }
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let acl = "user updraft\ntopic readwrite devices/#\n\nuser spy\ntopic read devices/#\n\n\
                   pattern write devices/%u/ota/status\npattern write devices/%u/version\n\
                   pattern write devices/%u/presence\npattern read devices/%u/ota\n";
        fs::write(folder.path().join("acl"), acl).unwrap();
        certificates(folder.path());
        let child = Command::new("true").spawn().unwrap();
        let mut broker = Self {
            child,
            folder,
            plain: free(),
            tls: free(),
            password,
        };
        broker.child.wait().unwrap();
        broker.run();
        Some(broker)
    }

    /// Starts the process and waits until it listens.
    pub fn run(&mut self) {
        let folder = self.folder.path().display();
        let config = format!(
            "per_listener_settings false\nallow_anonymous false\npassword_file {folder}/passwords\nacl_file {folder}/acl\n\
             listener {} 127.0.0.1\nlistener {} 127.0.0.1\ncertfile {folder}/server.pem\nkeyfile {folder}/server.key\n",
            self.plain.port(),
            self.tls.port()
        );
        let file = self.folder.path().join("mosquitto.conf");
        fs::write(&file, config).unwrap();
        let program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"]
            .into_iter()
            .find(|program| Path::new(program).exists())
            .unwrap_or("mosquitto");
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        self.child = Command::new(program)
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let began = std::time::Instant::now();
        while TcpStream::connect(self.tls).is_err() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
            assert!(self.child.try_wait().unwrap().is_none(), "{log}");
            assert!(began.elapsed() < PATIENCE, "{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// What a server is told of it.
    pub fn with_tls(&self) -> Broker {
        Broker {
            url: format!("mqtts://updraft@localhost:{}", self.tls.port()),
            password: Some(self.password.clone()),
            ca_file: Some(self.ca()),
            group: None,
        }
    }

    pub async fn server(&self) -> TestServer {
        let broker = self.with_tls();
        let server = start_with(|config| config.mqtt = Mqtt::Broker(broker)).await;
        server.until_connected().await;
        server
    }

    /// A client that hears everything.
    pub async fn spy(&self) -> Client {
        let options = Client::options(self.plain, "spy", "spy", &self.password);
        let mut spy = Client::connect(options).await.unwrap();
        assert!(spy.subscribe("devices/+/ota").await);
        spy
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // Stopped already where a test did so.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A certificate authority and a certificate for localhost, made for this test.
pub fn certificates(folder: &Path) {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.key_usages = vec![
        rcgen::KeyUsagePurpose::KeyCertSign,
        rcgen::KeyUsagePurpose::CrlSign,
    ];
    let name = rcgen::DnType::CommonName;
    authority
        .distinguished_name
        .push(name, "a test's authority");
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let server = rcgen::CertificateParams::new(names).unwrap();
    let server = server.signed_by(&key, &issuer).unwrap();
    fs::write(folder.join("ca.pem"), authority_pem).unwrap();
    fs::write(folder.join("server.pem"), server.pem()).unwrap();
    fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
}
