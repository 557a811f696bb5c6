//! What templates draw at random: that it is what it should be, judged by
//! others (ring, webpki, bcrypt and the Go in real Helm), that it differs from
//! run to run, and that `--seed` makes it the same.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::{Failed, Trial};
use ring::signature::KeyPair as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use testbed::tools::HELM4;
use testbed::{Program, Workdir, build_only};

use crate::ANKRA_HELM;

type Outcome = Result<(), Failed>;

/// A test's name and body.
type Test = (&'static str, fn() -> Outcome);

const CHART: &str = "apiVersion: v2\nname: random\nversion: 1.0.0\n";

/// A line for each function: a name and what came of it, binary as base64.
const LINES: &str = r#"{{- $ca := genCA "the-ca" 30 }}
{{- $leaf := genSignedCert "leaf.example" (list "10.0.0.7") (list "leaf.example" "www.example") 20 $ca }}
{{- $self := genSelfSignedCert "self.example" nil (list "self.example") 10 }}
alpha: {{ randAlpha 60 | b64enc }}
alphaNum: {{ randAlphaNum 60 | b64enc }}
numeric: {{ randNumeric 60 | b64enc }}
ascii: {{ randAscii 60 | b64enc }}
bytes: {{ randBytes 33 }}
int: {{ randInt 5 9 | toString | b64enc }}
shuffled: {{ shuffle "abcdefghijklmnopqrstuvwxyz" | b64enc }}
uuid: {{ uuidv4 | b64enc }}
htpasswd: {{ htpasswd "me" "secret" | b64enc }}
bcrypt: {{ bcrypt "secret" | b64enc }}
sealed: {{ encryptAES "key" "a text of some length" | b64enc }}
derived: {{ derivePassword 1 "long" "password" "user" "example.com" | b64enc }}
caCert: {{ $ca.Cert | b64enc }}
caKey: {{ $ca.Key | b64enc }}
leafCert: {{ $leaf.Cert | b64enc }}
leafKey: {{ $leaf.Key | b64enc }}
selfCert: {{ $self.Cert | b64enc }}
selfKey: {{ $self.Key | b64enc }}
rsa: {{ genPrivateKey "rsa" | b64enc }}
ecdsa: {{ genPrivateKey "ecdsa" | b64enc }}
ed25519: {{ genPrivateKey "ed25519" | b64enc }}
dsa: {{ genPrivateKey "dsa" | b64enc }}
now: {{ now | date "2006-01-02T15:04:05" | b64enc }}
"#;

/// Hands what we made to the functions of real Helm that read it.
const READ: &str = r#"{{- $v := .Values }}
leaf: {{ $c := buildCustomCert $v.leafCert $v.leafKey }}{{ eq $c.Key (b64dec $v.leafKey) }}
{{- $ca := buildCustomCert $v.caCert $v.caKey }}
signs: {{ (genSignedCert "x" nil nil 1 $ca).Cert | contains "BEGIN" }}
rsa: {{ (genCAWithKey "x" 1 (b64dec $v.rsa)).Cert | contains "BEGIN" }}
ecdsa: {{ (genCAWithKey "x" 1 (b64dec $v.ecdsa)).Cert | contains "BEGIN" }}
ed25519: {{ (genCAWithKey "x" 1 (b64dec $v.ed25519)).Cert | contains "BEGIN" }}
opened: {{ decryptAES "key" (b64dec $v.sealed) | eq "a text of some length" }}
derived: {{ derivePassword 1 "long" "password" "user" "example.com" | b64enc | eq $v.derived }}
"#;

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [Test; 4] = [
        ("same_again", same_again),
        ("properties", properties),
        ("read_by_helm", read_by_helm),
        ("only_for_dry_runs", only_for_dry_runs),
    ];
    tests.into_iter().map(|(name, test)| Trial::test(format!("seed::{name}"), test)).collect()
}

fn chart(work: &Workdir, name: &str, template: &str) -> Outcome {
    let folder = work.path().join(name);
    std::fs::create_dir_all(folder.join("templates"))?;
    std::fs::write(folder.join("Chart.yaml"), CHART)?;
    std::fs::write(folder.join("templates/all.yaml"), template)?;
    Ok(())
}

fn render(work: &Workdir, args: &[&str]) -> Result<String, Failed> {
    let ours = Program::new(ANKRA_HELM, work.path())?.in_folder(work.path());
    Ok(ours.run([&["template", "random"], args].concat())?.ok())
}

/// The lines of a render, without base64.
fn read(text: &str) -> Result<BTreeMap<String, Vec<u8>>, Failed> {
    let pairs = text.lines().filter_map(|line| line.split_once(": ")).filter(|(name, _)| !name.starts_with('#'));
    pairs.map(|(name, value)| Ok((name.to_string(), STANDARD.decode(value)?))).collect()
}

fn same_again() -> Outcome {
    let work = Workdir::new("seed")?;
    chart(&work, "random", LINES)?;
    let first = render(&work, &["--seed", "7"])?;
    assert_eq!(first, render(&work, &["--seed=7"])?);
    let (first, other) = (read(&first)?, read(&render(&work, &["--seed", "8"])?)?);
    let (chance, again) = (read(&render(&work, &[])?)?, read(&render(&work, &[])?)?);
    let random = |name: &str| !matches!(name, "derived" | "int" | "now");
    for name in first.keys().filter(|name| random(name)) {
        assert_ne!(first[name], other[name], "{name} of another seed");
        assert_ne!(chance[name], again[name], "{name} without a seed");
        assert_ne!(first[name], chance[name], "{name} without a seed");
    }
    assert_eq!(first["derived"], chance["derived"]);
    assert!(first["now"].ends_with(b"T00:00:00"), "the clock stands at midnight");

    // With another moment only times differ, and with them what is signed.
    let ours = Program::new(ANKRA_HELM, work.path())?.in_folder(work.path()).with("SOURCE_DATE_EPOCH", "1700000000");
    let then = read(&ours.run(["template", "random", "--seed", "7"])?.ok())?;
    assert_eq!(then["now"], b"2023-11-14T22:13:20");
    for name in ["alpha", "uuid", "caKey", "rsa", "dsa", "htpasswd"] {
        assert_eq!(first[name], then[name], "{name}");
    }
    assert_ne!(first["caCert"], then["caCert"]);
    let ours = ours.with("SOURCE_DATE_EPOCH", "soon");
    let refused = ours.run(["template", "random", "--seed", "7"])?.fails(1);
    assert!(refused.contains("SOURCE_DATE_EPOCH"), "{refused}");

    // A name is drawn from the seed, too.
    let named = ["--seed", "7", "--name-template", "a-{{ randAlpha 8 | lower }}"];
    chart(&work, "random", "name: {{ .Release.Name }}\n")?;
    assert_eq!(render(&work, &named)?, render(&work, &named)?);
    Ok(())
}

fn properties() -> Outcome {
    let work = Workdir::new("seed")?;
    chart(&work, "random", LINES)?;
    for args in [&[][..], &["--seed", "11"]] {
        let made = read(&render(&work, args)?)?;
        texts(&made);
        keys(&made)?;
        chain(&made)?;
    }
    Ok(())
}

fn texts(made: &BTreeMap<String, Vec<u8>>) {
    let fits = |name: &str, length: usize, allowed: fn(&u8) -> bool| {
        assert!(made[name].len() == length && made[name].iter().all(allowed), "{name}: {:?}", made[name]);
    };
    fits("alpha", 60, u8::is_ascii_alphabetic);
    fits("alphaNum", 60, u8::is_ascii_alphanumeric);
    fits("numeric", 60, u8::is_ascii_digit);
    fits("ascii", 60, |b| (b' '..=b'~').contains(b));
    fits("bytes", 33, |_| true);
    fits("int", 1, |b| (b'5'..b'9').contains(b));
    let mut shuffled = made["shuffled"].clone();
    assert_ne!(shuffled, b"abcdefghijklmnopqrstuvwxyz");
    shuffled.sort_unstable();
    assert_eq!(shuffled, b"abcdefghijklmnopqrstuvwxyz");
    // Version 4, variant 1.
    let uuid = &made["uuid"];
    assert!(uuid.len() == 36 && [8, 13, 18, 23].iter().all(|at| uuid[*at] == b'-'), "{uuid:?}");
    assert!(uuid[14] == b'4' && b"89ab".contains(&uuid[19]), "{uuid:?}");
    let hash = |name: &str| String::from_utf8_lossy(&made[name]).into_owned();
    assert_eq!(bcrypt::verify("secret", &hash("bcrypt")).ok(), Some(true));
    let line = hash("htpasswd");
    assert_eq!(bcrypt::verify("secret", line.trim_start_matches("me:")).ok(), Some(true), "{line}");
    assert_eq!(bcrypt::verify("Secret", line.trim_start_matches("me:")).ok(), Some(false), "{line}");
}

/// The bytes between the marks of a PEM block.
fn pem(text: &[u8], label: &str) -> Result<Vec<u8>, Failed> {
    let text = std::str::from_utf8(text)?;
    let inner = text.strip_prefix(&format!("-----BEGIN {label}-----\n"));
    let inner = inner.and_then(|rest| rest.strip_suffix(&format!("\n-----END {label}-----\n")));
    Ok(STANDARD.decode(inner.ok_or_else(|| format!("no {label}: {text}"))?.replace('\n', ""))?)
}

fn keys(made: &BTreeMap<String, Vec<u8>>) -> Outcome {
    for (name, bits) in [("caKey", 2048), ("leafKey", 2048), ("selfKey", 2048), ("rsa", 4096)] {
        // Looks at how the numbers of the key fit together.
        let key = ring::rsa::KeyPair::from_der(&pem(&made[name], "RSA PRIVATE KEY")?)?;
        assert_eq!(key.public().modulus_len() * 8, bits, "{name}");
    }
    let ed25519 = pem(&made["ed25519"], "PRIVATE KEY")?;
    let key = ring::signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(&ed25519)?;
    assert_eq!(key.public_key().as_ref().len(), 32);
    // The scalar and the point of an EC key, where Go puts them.
    let ec = pem(&made["ecdsa"], "EC PRIVATE KEY")?;
    let algorithm = &ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
    let random = ring::rand::SystemRandom::new();
    let point = &ec[ec.len() - 65..];
    ring::signature::EcdsaKeyPair::from_private_key_and_public_key(algorithm, &ec[7..39], point, &random)?;
    assert!(pem(&made["dsa"], "DSA PRIVATE KEY")?.len() > 800);
    Ok(())
}

fn chain(made: &BTreeMap<String, Vec<u8>>) -> Outcome {
    let certificate = |name: &str| pem(&made[name], "CERTIFICATE").map(CertificateDer::from);
    let (ca, leaf) = (certificate("caCert")?, certificate("leafCert")?);
    let anchor = [webpki::anchor_from_trusted_cert(&ca)?];
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let usage = webpki::KeyUsage::server_auth();
    let leaf = webpki::EndEntityCert::try_from(&leaf)?;
    let verify = |days: u64| {
        let time = UnixTime::since_unix_epoch(now + std::time::Duration::from_secs(days * 86_400));
        leaf.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchor, &[], time, usage, None, None).map(|_| ())
    };
    verify(0)?;
    verify(18)?;
    assert!(verify(21).is_err(), "it ends after 20 days");
    for name in ["leaf.example", "www.example", "10.0.0.7"] {
        leaf.verify_is_valid_for_subject_name(&ServerName::try_from(name)?)?;
    }
    assert!(leaf.verify_is_valid_for_subject_name(&ServerName::try_from("other.example")?).is_err());
    // Another authority is not believed.
    let other = certificate("selfCert")?;
    let anchor = [webpki::anchor_from_trusted_cert(&other)?];
    let time = UnixTime::since_unix_epoch(now);
    let other = leaf.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchor, &[], time, usage, None, None);
    assert!(other.is_err());
    Ok(())
}

fn read_by_helm() -> Outcome {
    let work = Workdir::new("seed")?;
    chart(&work, "random", LINES)?;
    let made = render(&work, &["--seed", "3"])?;
    std::fs::write(work.path().join("made.yaml"), &made)?;
    chart(&work, "read", READ)?;
    let binaries = build_only(&[HELM4], |_| {})?;
    let helm = Program::new(&binaries.helm4, work.path().join("helm"))?.in_folder(work.path());
    let answer = helm.run(["template", "read", "-f", "made.yaml"])?.ok();
    let lines: Vec<&str> = answer.lines().filter(|line| line.contains(": ") && !line.starts_with('#')).collect();
    assert_eq!(lines.len(), 7, "{answer}");
    assert!(lines.iter().all(|line| line.ends_with(": true")), "{answer}");
    // Go reads the DSA key, but cannot sign with it.
    chart(&work, "read", r#"{{ (genCAWithKey "x" 1 (b64dec .Values.dsa)).Cert }}"#)?;
    let refused = helm.run(["template", "read", "-f", "made.yaml"])?.fails(1);
    assert!(refused.contains("does not implement crypto.Signer"), "{refused}");
    Ok(())
}

fn only_for_dry_runs() -> Outcome {
    let work = Workdir::new("seed")?;
    chart(&work, "random", LINES)?;
    let ours = Program::new(ANKRA_HELM, work.path())?.in_folder(work.path());
    let ours = ours.with_kubeconfig(&work.path().join("none"));
    for verb in ["install", "upgrade"] {
        let refused = ours.run([verb, "a", "random", "--seed", "1"])?.fails(1);
        assert!(refused.contains("--seed needs --dry-run"), "{refused}");
    }
    let dry = ["install", "a", "random", "--seed", "1", "--dry-run=client"];
    let made =
        |text: String| text.lines().filter(|line| !line.starts_with("LAST DEPLOYED")).map(str::to_string).collect();
    let (first, again): (Vec<String>, Vec<String>) = (made(ours.run(dry)?.ok()), made(ours.run(dry)?.ok()));
    assert_eq!(first, again);
    assert!(first.iter().any(|line| line.starts_with("caCert: ")));
    Ok(())
}
