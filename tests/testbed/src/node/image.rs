//! Container images without a registry: an archive in Docker's form, written
//! round programs that need nothing beside themselves.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, Result};

/// The length of a block of a tar archive.
const BLOCK: usize = 512;

/// What an image holds and what it runs.
#[derive(Debug, Clone)]
pub struct Image {
    name: String,
    entries: Vec<Entry>,
    command: Vec<String>,
}

#[derive(Debug, Clone)]
struct Entry {
    path: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Folder,
    /// A folder that everybody may write to.
    Shared,
    Program(PathBuf),
    Text(String),
    Link(String),
}

impl Image {
    /// An image of this full name (`docker.io/library/web:1`) with the folders
    /// and the users that programs expect.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let image = Self { name: name.to_owned(), entries: Vec::new(), command: Vec::new() };
        let folder = |path: &str| Entry { path: path.to_owned(), kind: Kind::Folder };
        let text = |path: &str, text: &str| Entry { path: path.to_owned(), kind: Kind::Text(text.to_owned()) };
        let mut entries: Vec<_> = ["bin", "dev", "etc", "proc", "sys", "var"].map(folder).into();
        entries.push(Entry { path: "tmp".to_owned(), kind: Kind::Shared });
        entries.push(text("etc/passwd", "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"));
        entries.push(text("etc/group", "root:x:0:\nnobody:x:65534:\n"));
        Self { entries, ..image }
    }

    /// The same image with a program in `/bin`. It must be static.
    #[must_use]
    pub fn with_program(self, name: &str, file: &Path) -> Self {
        self.with(format!("bin/{name}"), Kind::Program(file.to_owned()))
    }

    /// The same image with another name in `/bin` for a program that is there.
    #[must_use]
    pub fn with_link(self, name: &str, program: &str) -> Self {
        self.with(format!("bin/{name}"), Kind::Link(program.to_owned()))
    }

    /// The same image running this when it is told nothing else.
    #[must_use]
    pub fn running(mut self, command: &[&str]) -> Self {
        self.command = command.iter().map(|&word| word.to_owned()).collect();
        self
    }

    fn with(mut self, path: String, kind: Kind) -> Self {
        self.entries.push(Entry { path, kind });
        self
    }

    /// Writes the archive into `folder` and returns its path.
    ///
    /// # Errors
    /// When a program cannot be read or the archive cannot be written.
    pub(crate) fn write(&self, folder: &Path) -> Result<PathBuf> {
        let (layer, archive) = (folder.join("layer.tar"), folder.join("image.tar"));
        let mut out = Tar::create(&layer)?;
        for entry in &self.entries {
            match &entry.kind {
                Kind::Folder => out.entry(&entry.path, b'5', 0o755, "", &[])?,
                Kind::Shared => out.entry(&entry.path, b'5', 0o1777, "", &[])?,
                Kind::Program(file) => out.file(&entry.path, 0o755, file)?,
                Kind::Text(text) => out.entry(&entry.path, b'0', 0o644, "", text.as_bytes())?,
                Kind::Link(to) => out.entry(&entry.path, b'2', 0o777, to, &[])?,
            }
        }
        out.finish()?;
        let config = self.config(&digest(&layer)?);
        let (config_file, manifest) = (folder.join("config.json"), self.manifest());
        std::fs::write(&config_file, &config).map_err(Error::io("write an image's configuration"))?;
        let mut out = Tar::create(&archive)?;
        out.file("config.json", 0o644, &config_file)?;
        out.file("layer.tar", 0o644, &layer)?;
        out.entry("manifest.json", b'0', 0o644, "", manifest.as_bytes())?;
        out.finish()?;
        Ok(archive)
    }

    fn config(&self, layer: &str) -> String {
        let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let command = self.command.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(",");
        format!(
            "{{\"architecture\":\"{machine}\",\"os\":\"linux\",\
             \"config\":{{\"Env\":[\"PATH=/bin\"],\"Entrypoint\":[{command}]}},\
             \"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[\"sha256:{layer}\"]}}}}"
        )
    }

    fn manifest(&self) -> String {
        format!("[{{\"Config\":\"config.json\",\"RepoTags\":[{}],\"Layers\":[\"layer.tar\"]}}]", quoted(&self.name))
    }
}

/// A JSON string. The words here are plain ones.
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The SHA-256 of a file. An unoptimised test binary would take long for it.
fn digest(file: &Path) -> Result<String> {
    let answer = Command::new("sha256sum").arg(file).output().map_err(Error::io("start sha256sum"))?;
    let text = String::from_utf8_lossy(&answer.stdout);
    // A name with a backslash in it would come with one in front.
    match text.trim_start_matches('\\').split(' ').next() {
        Some(digest) if digest.len() == 64 => Ok(digest.to_owned()),
        _ => Err(Error::Command { command: "sha256sum".to_owned(), output: text.into_owned() }),
    }
}

/// Writes a tar archive in POSIX's ustar form.
struct Tar {
    out: BufWriter<File>,
    path: PathBuf,
}

impl Tar {
    fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(Error::io(format!("make {}", path.display())))?;
        Ok(Self { out: BufWriter::new(file), path: path.to_owned() })
    }

    fn entry(&mut self, name: &str, kind: u8, mode: u32, link: &str, content: &[u8]) -> Result<()> {
        let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
        self.put(&header(name, kind, mode, length, link))?;
        self.put(content)?;
        self.pad(length)
    }

    fn file(&mut self, name: &str, mode: u32, from: &Path) -> Result<()> {
        let doing = format!("read {}", from.display());
        let mut file = File::open(from).map_err(Error::io(doing.clone()))?;
        let length = file.metadata().map_err(Error::io(doing.clone()))?.len();
        self.put(&header(name, b'0', mode, length, ""))?;
        let copied = std::io::copy(&mut file, &mut self.out).map_err(Error::io(doing))?;
        self.pad(copied)
    }

    /// Fills the last block of a file.
    fn pad(&mut self, length: u64) -> Result<()> {
        let over = usize::try_from(length % BLOCK as u64).unwrap_or(0);
        self.put(&vec![0; (BLOCK - over) % BLOCK])
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(Error::io(format!("write {}", self.path.display())))
    }

    fn finish(mut self) -> Result<()> {
        self.put(&[0; 2 * BLOCK])?;
        self.out.flush().map_err(Error::io(format!("write {}", self.path.display())))
    }
}

/// The block in front of an entry.
fn header(name: &str, kind: u8, mode: u32, length: u64, link: &str) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut set = |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    set(0, name);
    set(100, &format!("{mode:07o}"));
    set(108, "0000000");
    set(116, "0000000");
    set(124, &format!("{length:011o}"));
    set(136, "00000000000");
    // The sum is taken with spaces in its own place.
    set(148, "        ");
    set(157, link);
    set(257, "ustar\u{0}00");
    block[156] = kind;
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\u{0}").as_bytes());
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Workdir;

    /// What the system's own tar reads from an image's layer.
    #[test]
    fn tar_reads_what_is_written() {
        let work = Workdir::new("image").unwrap();
        let program = work.path().join("program");
        std::fs::write(&program, "x".repeat(700)).unwrap();
        let image = Image::new("docker.io/library/a:1").with_program("p", &program).with_link("q", "p");
        let archive = image.running(&["/bin/p", "say \"hi\""]).write(work.path()).unwrap();
        let tar = |args: &[&str], file: &Path| {
            let done = Command::new("tar").args(args).arg("-f").arg(file).output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            String::from_utf8(done.stdout).unwrap()
        };
        assert_eq!(tar(&["-t"], &archive), "config.json\nlayer.tar\nmanifest.json\n");
        let layer = tar(&["-tv"], &work.path().join("layer.tar"));
        for part in ["-rwxr-xr-x 0/0             700", "drwxrwxrwt", "bin/q -> p"] {
            assert!(layer.contains(part), "{layer}");
        }
        let config = std::fs::read_to_string(work.path().join("config.json")).unwrap();
        assert!(config.contains(r#""Entrypoint":["/bin/p","say \"hi\""]"#), "{config}");
    }
}
