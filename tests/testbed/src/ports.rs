//! Free ports, given by the kernel.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use crate::{Error, Result};

/// Finds `N` different free loopback ports.
///
/// They are all held until the last one is found, then let go for the server to
/// take. Somebody else can take one in between: whoever starts the server tries
/// again with new ones then (see [`Error::is_port_taken`]).
///
/// # Errors
/// When the kernel has no free port left.
pub fn free<const N: usize>() -> Result<[u16; N]> {
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("ask for a free port"))?;
        *port = listener.local_addr().map_err(Error::io("ask for a free port"))?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// Whether something listens on this loopback port.
#[must_use]
pub fn is_open(port: u16) -> bool {
    TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), Duration::from_millis(200)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_different_and_free() {
        let ports = free::<4>().unwrap();
        for (i, port) in ports.iter().enumerate() {
            assert!(*port != 0 && !ports[..i].contains(port));
            assert!(!is_open(*port));
        }
    }
}
