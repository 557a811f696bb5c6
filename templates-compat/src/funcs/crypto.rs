//! Sums, password hashes and AES. Keys and certificates are in `certs`.

use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use blowfish::Blowfish;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::args::{bytes, check_len, fixed, int};
use super::encoding::{base64, decode_base64_text};
use crate::func::{Cx, Func, FuncError, FuncResult, Param};
use crate::value::Value;

const STR: &[Param] = &[Param::Str];
const STR_STR: &[Param] = &[Param::Str, Param::Str];

pub(crate) const FUNCS: &[Func] = &[
    fixed("adler32sum", STR, Param::Str, |_, a| Ok(Value::str(adler32(bytes(a, 0)).to_string()))),
    fixed("bcrypt", STR, Param::Str, |cx, a| Ok(Value::str(bcrypt_text(cx, bytes(a, 0))))),
    fixed("decryptAES", STR_STR, Param::Str, decrypt_aes),
    fixed(
        "derivePassword",
        &[Param::Uint32, Param::Str, Param::Str, Param::Str, Param::Str],
        Param::Str,
        derive_password,
    ),
    fixed("encryptAES", STR_STR, Param::Str, encrypt_aes),
    fixed("htpasswd", STR_STR, Param::Str, htpasswd),
    fixed("sha1sum", STR, Param::Str, |_, a| Ok(hex(&Sha1::digest(bytes(a, 0))))),
    fixed("sha256sum", STR, Param::Str, |_, a| Ok(hex(&Sha256::digest(bytes(a, 0))))),
    fixed("sha512sum", STR, Param::Str, |_, a| Ok(hex(&Sha512::digest(bytes(a, 0))))),
];

fn hex(digest: &[u8]) -> Value {
    Value::str(digest.iter().map(|b| format!("{b:02x}")).collect::<String>())
}

fn adler32(data: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    // So many additions fit before the sums must be reduced.
    const CHUNK: usize = 5_552;
    let (mut a, mut b) = (1, 0);
    for chunk in data.chunks(CHUNK) {
        for byte in chunk {
            a += u32::from(*byte);
            b += a;
        }
        a %= MODULUS;
        b %= MODULUS;
    }
    b << 16 | a
}

/// The cost of Go's `bcrypt.DefaultCost`; templates cannot choose another.
const BCRYPT_COST: u32 = 10;

/// The longest password that bcrypt can tell from a longer one.
const BCRYPT_MAX_PASSWORD: usize = 72;

fn bcrypt_text(cx: &Cx<'_>, password: &[u8]) -> String {
    if password.len() > BCRYPT_MAX_PASSWORD {
        return "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes".into();
    }
    let mut salt = [0; 16];
    cx.host.random(&mut salt);
    let digest = bcrypt_digest(password, &salt);
    format!("$2a${BCRYPT_COST:02}${}{}", bcrypt_base64(&salt), bcrypt_base64(&digest[..23]))
}

fn bcrypt_digest(password: &[u8], salt: &[u8; 16]) -> [u8; 24] {
    let mut key = password.to_vec();
    key.push(0);
    key.truncate(BCRYPT_MAX_PASSWORD);
    let mut state = Blowfish::bc_init_state();
    state.salted_expand_key(salt, &key);
    for _ in 0..1u32 << BCRYPT_COST {
        state.bc_expand_key(&key);
        state.bc_expand_key(salt);
    }
    let mut out = [0; 24];
    for (pair, slot) in b"OrpheanBeholderScryDoubt".chunks_exact(8).zip(out.chunks_exact_mut(8)) {
        let (left, right) = pair.split_at(4);
        let number = |b: &[u8]| b.iter().fold(0u32, |n, b| n << 8 | u32::from(*b));
        let mut block = [number(left), number(right)];
        for _ in 0..64 {
            block = state.bc_encrypt(block);
        }
        slot[..4].copy_from_slice(&block[0].to_be_bytes());
        slot[4..].copy_from_slice(&block[1].to_be_bytes());
    }
    out
}

/// bcrypt's own base64: another alphabet, no padding.
fn bcrypt_base64(data: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut out = String::new();
    for group in data.chunks(3) {
        let bits = group.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        for i in 0..=group.len() {
            out.push(char::from(ALPHABET[(bits >> (18 - 6 * i) & 63) as usize]));
        }
    }
    out
}

fn htpasswd(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let user = bytes(args, 0);
    let text = if user.contains(&b':') {
        [b"invalid username: ", user].concat()
    } else {
        [user, b":", bcrypt_text(cx, bytes(args, 1)).as_bytes()].concat()
    };
    Ok(Value::str(text))
}

/// The forms of the "master password" algorithm, by type; each letter stands
/// for a class of characters.
const PASSWORD_FORMS: &[(&[u8], &[&str])] = &[
    (b"maximum", &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"]),
    (
        b"long",
        &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
    ),
    (b"medium", &["CvcnoCvc", "CvcCvcno"]),
    (b"short", &["Cvcn"]),
    (b"basic", &["aaanaaan", "aannaaan", "aaannaaa"]),
    (b"pin", &["nnnn"]),
];

fn password_class(class: u8) -> &'static [u8] {
    match class {
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

fn derive_password(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    const SCOPE: &[u8] = b"com.lyndir.masterpassword";
    let (kind, password, user, site) = (bytes(args, 1), bytes(args, 2), bytes(args, 3), bytes(args, 4));
    let Some((_, forms)) = PASSWORD_FORMS.iter().find(|(name, _)| *name == kind) else {
        return Ok(Value::str([b"cannot find password template ", kind].concat()));
    };
    let length = |text: &[u8]| (text.len() as u32).to_be_bytes();
    let failed = |e: &dyn std::fmt::Display| FuncError::error(format!("failed to derive password: {e}"));
    let salt = [SCOPE, &length(user), user].concat();
    let params = scrypt::Params::new(15, 8, 2, 64).map_err(|e| failed(&e))?;
    let mut key = [0; 64];
    scrypt::scrypt(password, &salt, &params, &mut key).map_err(|e| failed(&e))?;
    let counter = (int(args, 0) as u32).to_be_bytes();
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&key).map_err(|e| failed(&e))?;
    mac.update(&[SCOPE, &length(site), site, &counter].concat());
    let seed = mac.finalize().into_bytes();
    let form = forms[usize::from(seed[0]) % forms.len()];
    let pick = |(class, number): (u8, &u8)| {
        let characters = password_class(class);
        characters[usize::from(*number) % characters.len()]
    };
    Ok(Value::str(form.bytes().zip(seed.iter().skip(1)).map(pick).collect::<Vec<u8>>()))
}

const AES_BLOCK: usize = 16;

/// The password as it is, cut or filled up with zeros: no key derivation.
fn aes_key(password: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    let length = password.len().min(key.len());
    key[..length].copy_from_slice(&password[..length]);
    key
}

fn encrypt_aes(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let text = bytes(args, 1);
    if text.is_empty() {
        return Ok(Value::str(""));
    }
    check_len(text.len().checked_mul(2))?;
    let mut iv = [0; AES_BLOCK];
    cx.host.random(&mut iv);
    let padding = AES_BLOCK - text.len() % AES_BLOCK;
    let padded = [text, &vec![padding as u8; padding]].concat();
    let sealed = cbc::Encryptor::<aes::Aes256>::new(&aes_key(bytes(args, 0)).into(), &iv.into())
        .encrypt_padded_vec_mut::<NoPadding>(&padded);
    Ok(Value::str(base64(&[&iv[..], &sealed].concat())))
}

fn decrypt_aes(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let text = bytes(args, 1);
    if text.is_empty() {
        return Ok(Value::str(""));
    }
    let sealed = decode_base64_text(text).map_err(FuncError::Error)?;
    let Some((iv, blocks)) = sealed.split_first_chunk::<AES_BLOCK>() else {
        // Go cuts within the room of the decoded bytes, not within them.
        let room = text.len() / 4 * 3;
        let bounds = if room < AES_BLOCK {
            format!(":{AES_BLOCK}] with capacity {room}")
        } else {
            format!("{AES_BLOCK}:{}]", sealed.len())
        };
        return Err(FuncError::panic(format!("runtime error: slice bounds out of range [{bounds}")));
    };
    if blocks.len() % AES_BLOCK != 0 {
        return Err(FuncError::panic("crypto/cipher: input not full blocks"));
    }
    let opened = cbc::Decryptor::<aes::Aes256>::new(&aes_key(bytes(args, 0)).into(), iv.into())
        .decrypt_padded_vec_mut::<NoPadding>(blocks)
        .map_err(|e| FuncError::error(e.to_string()))?;
    let Some(padding) = opened.last().map(|b| usize::from(*b)) else {
        return Err(FuncError::panic("runtime error: index out of range [-1]"));
    };
    match opened.len().checked_sub(padding) {
        Some(length) => Ok(Value::str(&opened[..length])),
        None => {
            Err(FuncError::panic(format!("runtime error: slice bounds out of range [:-{}]", padding - opened.len())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, seeded};
    use super::*;

    fn text(name: &str, args: &[&str]) -> String {
        let args: Vec<Value> = args.iter().map(|a| Value::str(*a)).collect();
        String::from_utf8(call(FUNCS, name, &args, &seeded(5)).unwrap().as_bytes().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn sums() {
        assert_eq!(text("sha1sum", &["abc"]), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(text("sha256sum", &["abc"]), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(text("sha512sum", &["abc"]).starts_with("ddaf35a193617abacc417349ae204131"));
        assert_eq!(text("adler32sum", &["Wikipedia"]), "300286872");
    }

    #[test]
    fn bcrypt_of_a_known_salt() {
        let salt: [u8; 16] = {
            let alphabet = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
            let digits = "WvvTPHKwdBJ3uk0Z37EMR.".bytes().map(|b| alphabet.iter().position(|a| *a == b).unwrap());
            let bits: Vec<bool> = digits.flat_map(|d| (0..6).rev().map(move |i| d >> i & 1 == 1)).collect();
            let byte = |eight: &[bool]| eight.iter().fold(0u8, |n, bit| n << 1 | u8::from(*bit));
            bits.chunks_exact(8).map(byte).collect::<Vec<_>>().try_into().unwrap()
        };
        assert_eq!(bcrypt_base64(&salt), "WvvTPHKwdBJ3uk0Z37EMR.");
        assert_eq!(bcrypt_base64(&bcrypt_digest(b"abc", &salt)[..23]), "hLA2W6N9AEBhEgrAOljy2Ae5MtaSIUi");
    }

    #[test]
    fn htpasswd_lines() {
        let hash = text("htpasswd", &["me", "secret"]);
        assert!(hash.starts_with("me:$2a$10$"));
        assert_eq!(hash.len(), 3 + 60);
        assert_eq!(text("htpasswd", &["m:e", "x"]), "invalid username: m:e");
        assert!(text("bcrypt", &[&"x".repeat(73)]).ends_with("exceeds 72 bytes"));
    }

    #[test]
    fn aes_round_trip() {
        for plain in ["a", "0123456789abcdef", "longer than one block of sixteen bytes"] {
            let sealed = text("encryptAES", &["key", plain]);
            assert_eq!(text("decryptAES", &["key", &sealed]), plain);
        }
        assert_eq!(text("encryptAES", &["key", ""]), "");
        for broken in ["AAAA", "AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAAAA", "!"] {
            let args = [Value::str("key"), Value::str(broken)];
            assert!(call(FUNCS, "decryptAES", &args, &seeded(1)).is_err(), "{broken}");
        }
    }

    #[test]
    fn derived_passwords() {
        let derive = |kind: &str| {
            let args = [
                Value::int(1),
                Value::str(kind),
                Value::str("password"),
                Value::str("user"),
                Value::str("example.com"),
            ];
            String::from_utf8(call(FUNCS, "derivePassword", &args, &seeded(1)).unwrap().as_bytes().unwrap().to_vec())
        };
        assert_eq!(derive("long").unwrap(), "ZedaFaxcZaso9*");
        assert_eq!(derive("pin").unwrap(), "6685");
        assert_eq!(derive("nope").unwrap(), "cannot find password template nope");
    }
}
