//! TLS of listeners: a certificate that is read again when its files change, because certificates live
//! shorter than servers.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use byway_config::TlsSettings;
use byway_config::limits::{TLS_FILE_BYTES_MAX, TLS_FILES_INTERVAL};
use parking_lot::{Mutex, RwLock};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read `{}`, a file of `server.tls`: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// No certificate in its file.
    #[error("`{}` has no certificate in PEM form", .0.display())]
    NoCertificate(PathBuf),
    /// No key in its file.
    #[error("`{}` has no private key in PEM form", .0.display())]
    NoKey(PathBuf),
    /// The two do not fit, or TLS cannot use them.
    #[error("the certificate and the key of `server.tls` cannot be used together: {0}")]
    Unusable(rustls::Error),
}

/// What a file was when it was read.
type Stamp = Option<(SystemTime, u64, u64)>;

/// The certificate in force.
pub(crate) struct Certificate {
    files: TlsSettings,
    current: RwLock<Arc<CertifiedKey>>,
    read: Mutex<[Stamp; 2]>,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read()))
    }
}

impl Certificate {
    /// Reads the files, whose paths are relative to `dir`.
    pub(crate) fn load(settings: &TlsSettings, dir: &Path) -> Result<Arc<Self>, TlsError> {
        let files = TlsSettings { cert: dir.join(&settings.cert), key: dir.join(&settings.key) };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let stamps = stamps(&files);
        let current = RwLock::new(Arc::new(certified_key(&files, &provider)?));
        Ok(Arc::new(Self { files, current, read: Mutex::new(stamps), provider }))
    }

    /// What makes TLS of connections.
    pub(crate) fn acceptor(self: &Arc<Self>, http2: bool) -> Result<TlsAcceptor, TlsError> {
        let certificate = Arc::clone(self);
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Unusable)?
            .with_no_client_auth()
            .with_cert_resolver(certificate);
        let names: &[&[u8]] = if http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        config.alpn_protocols = names.iter().map(|name| name.to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Looks at the files now and then, until the server stops.
    pub(crate) async fn follow(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(TLS_FILES_INTERVAL) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let certificate = Arc::clone(&self);
            // A disk may be slow, and connections must not wait for it.
            let _ = tokio::task::spawn_blocking(move || certificate.reload()).await;
        }
    }

    /// Takes new files over if they fit together. They seldom change in one moment; until they fit, the
    /// old ones stay in force.
    fn reload(&self) {
        let now = stamps(&self.files);
        if now == *self.read.lock() {
            return;
        }
        match certified_key(&self.files, &self.provider) {
            Ok(key) => {
                *self.current.write() = Arc::new(key);
                tracing::info!("the certificate in `{}` is in force", self.files.cert.display());
            }
            Err(error) => tracing::warn!("{error}; the certificate before it stays in force"),
        }
        *self.read.lock() = now;
    }
}

fn stamps(files: &TlsSettings) -> [Stamp; 2] {
    [&files.cert, &files.key].map(|path| {
        let data = std::fs::metadata(path).ok()?;
        Some((data.modified().ok()?, data.len(), data.ino()))
    })
}

fn certified_key(files: &TlsSettings, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes(&files.cert)?).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| TlsError::NoCertificate(files.cert.clone()))?;
    let key = PrivateKeyDer::from_pem_slice(&bytes(&files.key)?);
    let key = key.map_err(|_| TlsError::NoKey(files.key.clone()))?;
    CertifiedKey::from_der(chain, key, provider).map_err(TlsError::Unusable)
}

fn bytes(path: &Path) -> Result<Vec<u8>, TlsError> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(TLS_FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}
