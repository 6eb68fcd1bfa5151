//! TLS to an external broker: rustls with ring, as everywhere in Updraft.

use std::path::Path;
use std::sync::Arc;

use rumqttc::{TlsConfiguration, Transport};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::MqttError;

/// A connection that trusts the certificates in `ca_file`, or the system's.
pub(super) fn transport(ca_file: Option<&Path>) -> Result<Transport, MqttError> {
    let bad = |why: String| MqttError::BadCertificates { why };
    let mut roots = RootCertStore::empty();
    if let Some(file) = ca_file {
        let named = |error: &dyn std::fmt::Display| bad(format!("{}: {error}", file.display()));
        for certificate in CertificateDer::pem_file_iter(file).map_err(|error| named(&error))? {
            let certificate = certificate.map_err(|error| named(&error))?;
            roots.add(certificate).map_err(|error| named(&error))?;
        }
        if roots.is_empty() {
            return Err(named(&"there is no certificate in it"));
        }
    } else {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err(bad(
                "this system has none; name a file with the broker's".to_owned()
            ));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Transport::tls_with_config(TlsConfiguration::Rustls(
        Arc::new(config),
    )))
}
