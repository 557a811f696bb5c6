//! Free ports of the loopback device.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::{Error, Result};

/// The lowest port that is given: well-known servers of a machine are below.
const LOWEST: u16 = 10_000;

/// How many were looked at by this process: the next look is behind them. A
/// server takes its port some time after it was given, and until then the
/// kernel does not know that it is taken.
static LOOKED: Mutex<u32> = Mutex::new(0);

/// Finds `N` different free loopback ports, none of which it gave before.
///
/// They are none that the kernel gives to whoever connects to a server: of
/// those, a busy test run uses so many that one may be gone by the time that
/// the last server of a cluster starts. Another process can still take one:
/// whoever starts the server tries again with new ones then (see
/// [`Error::is_port_taken`]).
///
/// # Errors
/// When all ports were looked at and too few of them are free.
pub fn free<const N: usize>() -> Result<[u16; N]> {
    let count = u32::from(first_of_connections() - LOWEST);
    let mut looked = LOOKED.lock().unwrap_or_else(PoisonError::into_inner);
    let mut ports = [0; N];
    for port in &mut ports {
        *port = loop {
            // Processes that look at the same time begin far from each other.
            let place = std::process::id().wrapping_mul(997).wrapping_add(*looked) % count;
            let next = LOWEST + u16::try_from(place).unwrap_or_default();
            *looked += 1;
            match TcpListener::bind((Ipv4Addr::LOCALHOST, next)) {
                Ok(_) => break next,
                Err(e) if looked.is_multiple_of(count) => return Err(Error::io("find a free port")(e)),
                Err(_) => {}
            }
        };
    }
    Ok(ports)
}

/// The first of the ports that the kernel gives to connections.
fn first_of_connections() -> u16 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = range.split_whitespace().next().and_then(|first| first.parse().ok());
    // The kernel's own first one; what is set to less leaves no other choice
    // than to share.
    first.filter(|first| *first >= LOWEST + 1000).unwrap_or(32_768)
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
        let [a, b] = [free::<4>().unwrap(), free::<4>().unwrap()];
        let ports = [a, b].concat();
        for (i, port) in ports.iter().enumerate() {
            assert!(*port >= LOWEST && !ports[..i].contains(port));
            assert!(!is_open(*port));
        }
    }
}
