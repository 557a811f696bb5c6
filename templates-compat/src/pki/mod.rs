//! Private keys and X.509 certificates as Sprig makes them with Go's
//! libraries: their kinds, their PEM forms, and what a certificate holds.
//!
//! Keys come from the host's randomness, times from its clock.

mod certificate;
mod der;
mod dsa;
mod keys;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod mont;
mod pem;
mod prime;

pub(crate) use certificate::{CertificateObject, Parent, Request, check as check_certificate};
pub(crate) use keys::PrivateKey;
pub(crate) use pem::{Block, decode as decode_pem};

use rsa::rand_core::{CryptoRng, Error, RngCore};

use crate::host::Host;

/// The host's randomness as the key makers want it.
pub(crate) struct HostRng<'h>(pub(crate) &'h dyn Host);

impl RngCore for HostRng<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut buffer = [0; 4];
        self.0.random(&mut buffer);
        u32::from_le_bytes(buffer)
    }

    fn next_u64(&mut self) -> u64 {
        let mut buffer = [0; 8];
        self.0.random(&mut buffer);
        u64::from_le_bytes(buffer)
    }

    fn fill_bytes(&mut self, buffer: &mut [u8]) {
        self.0.random(buffer);
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        self.0.random(buffer);
        Ok(())
    }
}

impl CryptoRng for HostRng<'_> {}
