//! Listeners, their connections, and the orderly end of both.

mod tcp;
mod tls;
mod unix;

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use byway_config::limits::DRAIN_MAX;
use byway_config::{ListenAddress, ListenPlace, ServerSettings};
use byway_gate::client::TrustedProxies;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::task::TaskTracker;

use crate::connection::{self, Beginning, Begun, Connections, HeaderCase, WaitLimits};
use crate::{App, Peer};

use tls::Certificate;
pub use tls::TlsError;

/// After an accept that failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The name has no address.
    #[error("`{0}` is not an address of this machine")]
    NoAddress(String),
    /// Somebody else listens there.
    #[error("port {port} on {host} is already in use")]
    InUse {
        /// The name or address.
        host: String,
        /// The port.
        port: u16,
    },
    /// A port that only root may take.
    #[error("port {port} may only be used by root")]
    NotAllowed {
        /// The port.
        port: u16,
    },
    /// Another server listens on the Unix socket.
    #[error("another server listens on the socket `{0}`")]
    SocketInUse(String),
    /// The path of a Unix socket is that of something else.
    #[error("`{0}` is no socket, and is left as it is")]
    NoSocket(String),
    /// There is no TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Anything else.
    #[error("cannot listen on {place}: {source}")]
    Other {
        /// The name or address, or the path.
        place: String,
        /// The system's reason.
        source: io::Error,
    },
}

/// A bound server, not yet accepting.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<(Listener, Spoken)>,
    certificate: Option<Arc<Certificate>>,
    proxies: Arc<TrustedProxies>,
    http2: bool,
    release: fn(),
}

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

/// What is spoken on a listener.
#[derive(Debug, Clone, Copy, Default)]
struct Spoken {
    tls: bool,
    proxy_protocol: bool,
}

impl Spoken {
    fn at(address: &ListenAddress, settings: &ServerSettings) -> Self {
        Self { tls: settings.speaks_tls(address), proxy_protocol: address.proxy_protocol }
    }
}

/// The certificate, where the settings name one.
fn certificate(
    settings: &ServerSettings,
    dir: &Path,
) -> Result<Option<Arc<Certificate>>, BindError> {
    Ok(settings.tls.as_ref().map(|tls| Certificate::load(tls, dir)).transpose()?)
}

impl Server {
    /// Binds all addresses, or none; paths in the settings are relative to `dir`.
    pub fn bind(settings: &ServerSettings, dir: &Path) -> Result<Self, BindError> {
        // First, so that nothing is bound where it fails.
        let certificate = certificate(settings, dir)?;
        let mut listeners = Vec::new();
        for address in &settings.listen {
            let spoken = Spoken::at(address, settings);
            match &address.place {
                ListenPlace::Tcp { host, port } => {
                    let bound = tcp::bind(host, *port)?.into_iter();
                    listeners.extend(bound.map(|it| (Listener::Tcp(it), spoken)));
                }
                ListenPlace::Unix { path, mode } => {
                    let path = dir.join(path);
                    let bound = unix::bind(&path, *mode)?;
                    listeners.push((Listener::Unix(bound, path), spoken));
                }
            }
        }
        Ok(Self::new(listeners, certificate, settings))
    }

    /// A server on sockets that listen already, as a service manager or an earlier byway left them. What is
    /// spoken on each is what the settings say about its address.
    pub fn adopt(
        settings: &ServerSettings,
        dir: &Path,
        sockets: Vec<std::net::TcpListener>,
    ) -> Result<Self, BindError> {
        let adopt = |socket| Listener::adopt(OwnedFd::from(socket), settings, dir);
        let other = |source| BindError::Other { place: "an inherited socket".to_owned(), source };
        let listeners = sockets.into_iter().map(adopt).collect::<io::Result<_>>().map_err(other)?;
        Ok(Self::new(listeners, certificate(settings, dir)?, settings))
    }

    fn new(
        listeners: Vec<(Listener, Spoken)>,
        certificate: Option<Arc<Certificate>>,
        settings: &ServerSettings,
    ) -> Self {
        let proxies = Arc::new(TrustedProxies::new(&settings.trusted_proxies));
        Self { listeners, certificate, proxies, http2: settings.http2, release: || () }
    }

    /// Calls `release` when much memory has become free at once and nothing may need it for long.
    #[must_use]
    pub fn releasing(self, release: fn()) -> Self {
        Self { release, ..self }
    }

    /// Second descriptors of the sockets, for a process that will take them over.
    pub fn duplicate(&self) -> io::Result<Vec<OwnedFd>> {
        let descriptor = |(listener, _): &(Listener, Spoken)| match listener {
            Listener::Tcp(it) => it.as_fd().try_clone_to_owned(),
            Listener::Unix(it, _) => it.as_fd().try_clone_to_owned(),
        };
        self.listeners.iter().map(descriptor).collect()
    }

    /// The first TCP port, which the system chose where 0 was asked for, and whether TLS is spoken there.
    pub fn port(&self) -> Option<(u16, bool)> {
        self.listeners.iter().find_map(|(listener, spoken)| match listener {
            Listener::Tcp(it) => Some((it.local_addr().ok()?.port(), spoken.tls)),
            Listener::Unix(..) => None,
        })
    }

    /// Every place that is listened on, for people.
    pub fn places(&self) -> Vec<String> {
        let shown = |(listener, spoken): &(Listener, Spoken)| match listener {
            Listener::Tcp(it) => {
                let scheme = if spoken.tls { "https" } else { "http" };
                it.local_addr().map_or_else(|_| scheme.to_owned(), |it| format!("{scheme}://{it}"))
            }
            Listener::Unix(_, path) => format!("unix:{}", path.display()),
        };
        self.listeners.iter().map(shown).collect()
    }

    /// Serves until `stop` becomes true, then finishes what is in flight, within bounds.
    ///
    /// More than `connections_max` connections wait until one closes.
    pub async fn serve(
        self,
        app: App,
        connections_max: usize,
        stop: watch::Receiver<bool>,
    ) -> Result<(), TlsError> {
        let shared = Arc::new(Shared {
            app,
            tasks: TaskTracker::new(),
            places: Arc::new(Semaphore::new(connections_max.min(Semaphore::MAX_PERMITS))),
            connections: Connections::new(WaitLimits::default()),
        });
        let acceptor = self.certificate.as_ref().map(|it| it.acceptor(self.http2)).transpose()?;
        let acceptors = TaskTracker::new();
        for (listener, spoken) in self.listeners {
            let beginning = Beginning {
                tls: acceptor.clone().filter(|_| spoken.tls),
                http2: self.http2,
                announced_by: spoken.proxy_protocol.then(|| Arc::clone(&self.proxies)),
            };
            let (shared, stop) = (Arc::clone(&shared), stop.clone());
            acceptors.spawn(accept(listener, Arc::new(beginning), shared, stop));
        }
        if let Some(certificate) = self.certificate {
            acceptors.spawn(certificate.follow(stop.clone()));
        }
        acceptors.close();
        tokio::select! {
            () = drained(&shared.tasks, &acceptors) => {}
            () = shared.connections.sweep(stop, self.release) => {}
        }
        Ok(())
    }
}

/// What all connections of a server have in common.
struct Shared {
    app: App,
    tasks: TaskTracker,
    places: Arc<Semaphore>,
    connections: Connections,
}

/// Waits until nobody accepts any more and every connection has ended, within bounds.
async fn drained(tasks: &TaskTracker, acceptors: &TaskTracker) {
    acceptors.wait().await;
    tasks.close();
    if tokio::time::timeout(DRAIN_MAX, tasks.wait()).await.is_err() {
        let open = tasks.len();
        let seconds = DRAIN_MAX.as_secs();
        tracing::warn!(open, "connections still open after {seconds} s are cut");
    }
}

/// An accepted connection.
enum Socket {
    Tcp(TcpStream, Peer),
    Unix(UnixStream),
}

impl Listener {
    async fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => {
                let (socket, address) = listener.accept().await?;
                // It fails only on a socket that is already gone.
                let _ = socket.set_nodelay(true);
                Ok(Socket::Tcp(socket, Peer::from(address)))
            }
            Self::Unix(listener, _) => Ok(Socket::Unix(listener.accept().await?.0)),
        }
    }

    /// An inherited socket, and what is spoken there.
    fn adopt(
        descriptor: OwnedFd,
        settings: &ServerSettings,
        dir: &Path,
    ) -> io::Result<(Self, Spoken)> {
        let socket = socket2::Socket::from(descriptor);
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        let unix_path = local.as_pathname().map(Path::to_path_buf);
        let port = local.as_socket().map(|it| it.port());
        let is_meant = |address: &&ListenAddress| match &address.place {
            ListenPlace::Tcp { port: wanted, .. } => port.is_some_and(|it| it == *wanted),
            ListenPlace::Unix { path, .. } => {
                unix_path.as_ref().is_some_and(|it| *it == dir.join(path))
            }
        };
        let is_tcp = |address: &&ListenAddress| port.is_some() && address.host().is_some();
        let address = settings.listen.iter().find(is_meant);
        let address = address.or_else(|| settings.listen.iter().find(is_tcp));
        let spoken = address.map_or_else(Spoken::default, |it| Spoken::at(it, settings));
        let listener = match unix_path {
            Some(path) => Self::Unix(UnixListener::from_std(socket.into())?, path),
            None => Self::Tcp(TcpListener::from_std(socket.into())?),
        };
        Ok((listener, spoken))
    }
}

async fn accept(
    listener: Listener,
    beginning: Arc<Beginning>,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let place = tokio::select! {
            place = Arc::clone(&shared.places).acquire_owned() => place,
            () = stopped(&mut stop) => return,
        };
        let Ok(place) = place else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stop) => return,
        };
        let begin = (Arc::clone(&beginning), Arc::clone(&shared), place);
        match accepted {
            Ok(Socket::Tcp(socket, peer)) => drop(shared.tasks.spawn(run(socket, peer, begin))),
            Ok(Socket::Unix(socket)) => {
                drop(shared.tasks.spawn(run(socket, Peer::on_this_machine(), begin)));
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                // Out of descriptors or memory: trying again at once would only spin.
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Runs one connection from its first byte to its end, which gives up its place.
async fn run<I>(
    socket: I,
    mut peer: Peer,
    (beginning, shared, place): (Arc<Beginning>, Arc<Shared>, OwnedSemaphorePermit),
) where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let watch = Arc::new(shared.connections.open());
    match beginning.run(socket, &mut peer, &watch).await {
        Ok((Begun::Plain(socket), http2)) => speak(socket, peer, http2, &watch, &shared.app).await,
        // Boxed, so that plain connections take no room for it.
        Ok((Begun::Tls(socket), http2)) => {
            Box::pin(speak(socket, peer, http2, &watch, &shared.app)).await;
        }
        Err(error) => tracing::debug!(peer = %peer.address, "connection ended: {error}"),
    }
    drop(place);
}

async fn speak<I>(socket: I, mut peer: Peer, http2: bool, watch: &Arc<connection::Watch>, app: &App)
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    if !http2 {
        peer.can_switch = true;
        if app.has_api_routes() {
            peer.header_case = HeaderCase::kept();
        }
        return connection::serve_http1(socket, &peer, watch, |it| app.respond(it, &peer)).await;
    }
    let peer = Arc::new(peer);
    let answer = |request| {
        let (app, peer) = (app.clone(), Arc::clone(&peer));
        async move { app.respond(request, &peer).await }
    };
    let bytes_max = app.head_bytes_max();
    Box::pin(connection::http2::serve(socket, &peer, watch, bytes_max, answer)).await;
}

/// Waits for the signal to stop, which its sender's end is as well.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
