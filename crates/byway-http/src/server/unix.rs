//! Unix sockets. A server leaves the file behind, because another process may have taken the socket over;
//! the next server replaces it where nobody listens any more.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use byway_config::limits::ACCEPT_BACKLOG;
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::UnixListener;

use super::BindError;

/// Binds the socket, with these permissions before anybody can connect.
pub(super) fn bind(path: &Path, mode: u32) -> Result<UnixListener, BindError> {
    let other = |source| BindError::Other { place: format!("unix:{}", path.display()), source };
    let make = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::unix(path)?)?;
        Ok(socket)
    };
    let socket = match make() {
        Err(error) if io::Error::kind(&error) == io::ErrorKind::AddrInUse => {
            remove_abandoned(path)?;
            make().map_err(other)?
        }
        made => made.map_err(other)?,
    };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(other)?;
    socket.listen(ACCEPT_BACKLOG).map_err(other)?;
    UnixListener::from_std(socket.into()).map_err(other)
}

/// Removes a socket that nobody listens on; anything else stays.
fn remove_abandoned(path: &Path) -> Result<(), BindError> {
    let other = |source| BindError::Other { place: format!("unix:{}", path.display()), source };
    let shown = || path.display().to_string();
    let data = fs::symlink_metadata(path).map_err(other)?;
    if !data.file_type().is_socket() {
        return Err(BindError::NoSocket(shown()));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(other)
        }
        // Its queue is full, or it takes other kinds of connections: somebody is there.
        _ => Err(BindError::SocketInUse(shown())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::{BindError, bind};

    #[tokio::test]
    async fn only_an_abandoned_socket_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let first = bind(&path, 0o600).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(bind(&path, 0o600), Err(BindError::SocketInUse(_))));
        // What a server leaves behind.
        drop(first);
        bind(&path, 0o666).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666);
        let other = folder.path().join("other");
        std::fs::write(&other, "precious").unwrap();
        assert!(matches!(bind(&other, 0o600), Err(BindError::NoSocket(_))));
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "precious");
    }
}
