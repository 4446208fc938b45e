//! TLS towards upstreams: the certificates that Node.js would trust.

use std::env;
use std::ffi::OsString;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Mozilla's roots, as in Node.js, and those in the files that these variables name.
const EXTRA_ROOTS: [&str; 2] = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"];

/// The settings of a TLS client.
pub(crate) fn tls() -> ClientConfig {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for file in EXTRA_ROOTS.iter().filter_map(env::var_os).filter(|it| !it.is_empty()) {
        add(&mut roots, &file);
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    // The versions are those that the provider has, so that there is no error.
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_or_else(
            |_| ClientConfig::builder().with_root_certificates(RootCertStore::empty()),
            |builder| builder.with_root_certificates(roots),
        )
        .with_no_client_auth()
}

fn add(roots: &mut RootCertStore, file: &OsString) {
    let name = file.to_string_lossy();
    let certificates = match CertificateDer::pem_file_iter(file) {
        Ok(certificates) => certificates,
        Err(error) => {
            tracing::warn!("the certificates in `{name}` cannot be read: {error}");
            return;
        }
    };
    let (added, ignored) = roots.add_parsable_certificates(certificates.filter_map(Result::ok));
    if added == 0 || ignored > 0 {
        tracing::warn!("`{name}`: {added} certificates were added, {ignored} could not be");
    }
}
