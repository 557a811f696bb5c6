//! Post-renderers: a plugin that Helm 4 names, or an executable as in Helm 3.
//! They are the only programs that `ankra-helm` starts, and only when the
//! command line asks for one; the agent starts none.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;

use charts::post_render::PostRenderer;
use templates_compat::semver::Version;
use templates_compat::{Compat, Map, Value, yaml};

use super::Printer;

/// The most that a post-renderer may answer (bytes).
const MAX_ANSWER_BYTES: u64 = 256 * 1024 * 1024;
/// The most of its error output that is kept (bytes).
const MAX_ERROR_BYTES: u64 = 1024 * 1024;
/// The type of plugin that this is about.
const TYPE: &str = "postrenderer/v1";

/// A program and what it is called with.
#[derive(Debug)]
struct Program {
    path: String,
    args: Vec<String>,
    variables: Vec<(&'static str, String)>,
}

/// What a program did.
struct Ended {
    status: ExitStatus,
    output: Vec<u8>,
    errors: Vec<u8>,
}

impl Program {
    /// Feeds the program, and reads what it writes, all at once.
    fn run(&self, input: &[u8]) -> Result<Ended, String> {
        let mut command = Command::new(&self.path);
        command.args(&self.args).envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| self.cannot_start(&e))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (output, errors) = std::thread::scope(|scope| {
            // Who does not read its input to the end may have its reasons.
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
            let errors = scope.spawn(move || stderr.map(|pipe| read(pipe, MAX_ERROR_BYTES)).transpose());
            let output = stdout.map(|pipe| read(pipe, MAX_ANSWER_BYTES)).transpose();
            if !matches!(&output, Ok(Some(answer)) if answer.len() as u64 <= MAX_ANSWER_BYTES) {
                // It would wait for ever for somebody to read on.
                let _ = child.kill();
            }
            (output, errors.join().unwrap_or(Ok(None)))
        });
        let status = child.wait().map_err(|e| e.to_string())?;
        let output = output.map_err(|e| e.to_string())?.unwrap_or_default();
        if output.len() as u64 > MAX_ANSWER_BYTES {
            return Err(format!("the post-renderer's answer is larger than the limit of {MAX_ANSWER_BYTES} bytes"));
        }
        let errors = errors.map_err(|e| e.to_string())?.unwrap_or_default();
        Ok(Ended { status, output, errors })
    }

    /// Go's words.
    fn cannot_start(&self, error: &std::io::Error) -> String {
        let path = &self.path;
        if path.contains('/') {
            return charts::go_file_error("fork/exec", path, error);
        }
        format!("exec: {path:?}: executable file not found in $PATH")
    }
}

/// One byte more than the limit tells that there is more.
fn read(pipe: impl Read, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Helm 3's way.
#[derive(Debug)]
struct Executable(Program);

impl PostRenderer for Executable {
    fn run(&self, manifests: &[u8]) -> Result<Vec<u8>, String> {
        let path = &self.0.path;
        let failed = |errors: &[u8], why: &str| {
            let errors = String::from_utf8_lossy(errors);
            format!("error while running command {path}. error output:\n{errors}: {why}")
        };
        let ended = self.0.run(manifests).map_err(|e| failed(b"", &e))?;
        if !ended.status.success() {
            return Err(failed(&ended.errors, &go_status(ended.status)));
        }
        Ok(ended.output)
    }
}

fn go_status(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(9)) => "signal: killed".to_string(),
        (None, Some(15)) => "signal: terminated".to_string(),
        (None, signal) => format!("signal: {}", signal.unwrap_or_default()),
    }
}

/// An executable: a path, or a name that is looked for in `PATH`.
///
/// # Errors
/// Helm 3's words if there is none.
pub(crate) fn executable(name: &str, args: Vec<String>) -> Result<Arc<dyn PostRenderer>, String> {
    let found = if name.contains('/') {
        runnable(Path::new(name)).map(|()| PathBuf::from(name))
    } else {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut places = std::env::split_paths(&path).map(|folder| folder.join(name));
        places.find(|place| runnable(place).is_ok()).ok_or_else(|| "executable file not found in $PATH".to_string())
    };
    let found = found.map_err(|why| format!("unable to find binary at {name}: exec: {name:?}: {why}"))?;
    let absolute = std::path::absolute(&found).map_err(|e| e.to_string())?;
    let path = charts::clean_path(&absolute.to_string_lossy());
    Ok(Arc::new(Executable(Program { path, args, variables: Vec::new() })))
}

fn runnable(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let found = std::fs::metadata(path).map_err(|e| charts::go_file_error("stat", &path.to_string_lossy(), &e))?;
    match found.permissions().mode() & 0o111 {
        _ if found.is_dir() => Err("is a directory".to_string()),
        0 => Err("permission denied".to_string()),
        _ => Ok(()),
    }
}

/// Helm 4's way.
#[derive(Debug)]
struct Plugin {
    name: String,
    program: Result<Program, String>,
}

impl PostRenderer for Plugin {
    fn run(&self, manifests: &[u8]) -> Result<Vec<u8>, String> {
        let name = &self.name;
        let failed = |why: &str| format!("failed to invoke post-renderer plugin {name:?}: {why}");
        let program = self.program.as_ref().map_err(|why| failed(why))?;
        let ended = program.run(manifests).map_err(|e| failed(&e))?;
        if !ended.status.success() {
            return Err(failed(&format!("plugin {name:?} exited with error")));
        }
        if ended.output.trim_ascii().is_empty() {
            return Err(format!("post-renderer {name:?} produced empty output"));
        }
        Ok(ended.output)
    }
}

/// The plugin of this name in Helm's folders of plugins. What it starts is
/// known now, and whether it can be only when it does.
///
/// # Errors
/// Helm 4's words if there is none.
pub(crate) fn plugin(
    folders: &Path,
    name: &str,
    args: Vec<String>,
    printer: &Printer,
) -> Result<Arc<dyn PostRenderer>, String> {
    for folder in std::env::split_paths(folders) {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut places: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        places.sort();
        for place in places {
            let Ok(text) = std::fs::read(place.join("plugin.yaml")) else { continue };
            match Description::read(&text) {
                Ok(Some(found)) if found.name == name => {
                    let program = found.program(&place, args);
                    return Ok(Arc::new(Plugin { name: name.to_string(), program }));
                }
                Ok(_) => {}
                Err(why) => {
                    let file = place.join("plugin.yaml").display().to_string();
                    let error = format!("failed to load plugin \"{}\": {why}", place.display());
                    printer.log("WARN", "failed to load plugin (ignoring)", &[("plugin_yaml", file), ("error", error)]);
                }
            }
        }
    }
    Err(format!("plugin: {{Name:{name} Type:{TYPE}}} not found"))
}

/// What a `plugin.yaml` says of a post-renderer.
struct Description {
    name: String,
    runtime: String,
    commands: Vec<Map>,
}

/// The fields of a `plugin.yaml`.
const FIELDS: [&str; 8] = ["apiVersion", "name", "type", "runtime", "version", "sourceURL", "config", "runtimeConfig"];

impl Description {
    /// `None` for a plugin of another type.
    fn read(text: &[u8]) -> Result<Option<Description>, String> {
        let map = yaml::read_map(text, Compat::Helm4).map_err(|e| e.to_string())?.unwrap_or_default();
        let field = |name: &str| map.get(name.as_bytes()).map(|v| text_of(&v)).unwrap_or_default();
        match field("apiVersion").as_str() {
            "v1" => {}
            // The old form: commands and downloaders only.
            "" => return Ok(None),
            other => return Err(format!("invalid plugin apiVersion: {other:?}")),
        }
        if let Some((unknown, _)) = map.snapshot().iter().find(|(k, _)| !FIELDS.contains(&&*k.to_text())) {
            return Err(format!("field {} not found in type plugin.MetadataV1", unknown.to_text()));
        }
        let name = field("name");
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)) {
            return Err("invalid plugin `name`".to_string());
        }
        let version = field("version");
        if version.is_empty() {
            return Err("plugin `version` is required".to_string());
        }
        if Version::parse_strict(&version, Compat::Helm4).is_err() {
            return Err(format!("invalid plugin `version` {version:?}: must be valid semver"));
        }
        if let Some(missing) = ["type", "runtime"].into_iter().find(|name| field(name).is_empty()) {
            return Err(format!("`{missing}` missing"));
        }
        if field("type") != TYPE {
            return Ok(None);
        }
        let config = map.get(b"runtimeConfig").and_then(|config| config.as_map().cloned()).unwrap_or_default();
        let commands = config.get(b"platformCommand");
        let commands = commands.as_ref().and_then(Value::as_list).map(|list| list.as_slice()).unwrap_or_default();
        let commands = commands.iter().filter_map(|command| command.as_map().cloned()).collect();
        Ok(Some(Description { name, runtime: field("runtime"), commands }))
    }

    fn program(&self, folder: &Path, more: Vec<String>) -> Result<Program, String> {
        if self.runtime != "subprocess" {
            return Err(format!("plugins of the runtime {:?} are not run", self.runtime));
        }
        let folder = folder.to_string_lossy().into_owned();
        let variables = vec![("HELM_PLUGIN_NAME", self.name.clone()), ("HELM_PLUGIN_DIR", folder)];
        let none = || "failed to prepare plugin command: no plugin command is applicable".to_string();
        let command = self.command().ok_or_else(none)?;
        let line = command.get(b"command").map(|v| text_of(&v)).unwrap_or_default();
        let mut words = line.split(' ').map(|word| expand(word, &variables));
        let path = words.next().filter(|path| !path.is_empty()).ok_or_else(none)?;
        let mut args: Vec<String> = words.collect();
        let given = command.get(b"args");
        let given = given.as_ref().and_then(Value::as_list).map(|list| list.as_slice()).unwrap_or_default();
        args.extend(given.iter().map(|arg| expand(&text_of(arg), &variables)));
        args.extend(more);
        Ok(Program { path, args, variables })
    }

    /// The command for this machine: its system and architecture, else its
    /// system, else any.
    fn command(&self) -> Option<&Map> {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let of = |map: &Map| ["os", "arch"].map(|key| map.get(key.as_bytes()).map(|v| text_of(&v)).unwrap_or_default());
        let is = |wanted: [&str; 2]| {
            self.commands.iter().find(|map| of(map).iter().zip(wanted).all(|(a, b)| a.eq_ignore_ascii_case(b)))
        };
        let system = std::env::consts::OS;
        is([system, architecture]).or_else(|| is([system, ""])).or_else(|| is(["", ""]))
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Str(text) => text.to_text().into_owned(),
        Value::Bool(word) => word.to_string(),
        Value::Int(number) => number.value.to_string(),
        // Nothing else can be one word.
        _ => String::new(),
    }
}

/// `$NAME` and `${NAME}`, as Go's `os.Expand` replaces them.
fn expand(text: &str, variables: &[(&'static str, String)]) -> String {
    let value = |name: &str| {
        let own = variables.iter().find(|(own, _)| *own == name).map(|(_, value)| value.clone());
        own.or_else(|| std::env::var(name).ok()).unwrap_or_default()
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some((name, after)) = after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            out.push_str(&value(name));
            rest = after;
            continue;
        }
        let length = after.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        if length == 0 {
            out.push('$');
        } else {
            out.push_str(&value(&after[..length]));
        }
        rest = &after[length..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in() {
        let own = [("HELM_PLUGIN_DIR", "/p".to_string())];
        assert_eq!(expand("${HELM_PLUGIN_DIR}/run $HELM_PLUGIN_DIR.sh $", &own), "/p/run /p.sh $");
        assert_eq!(expand("plain", &own), "plain");
    }

    #[test]
    fn the_nearest_command_is_taken() {
        let text = b"apiVersion: v1\nname: x\ntype: postrenderer/v1\nruntime: subprocess\nversion: 1.0.0\nruntimeConfig:\n  platformCommand:\n  - command: any\n  - os: linux\n    command: mine a\n    args: [b]\n  - os: windows\n    command: other\n";
        let found = Description::read(text).unwrap().unwrap();
        let program = found.program(Path::new("/p"), vec!["c".into()]).unwrap();
        assert_eq!((program.path.as_str(), program.args.join(" ")), ("mine", "a b c".to_string()));
    }

    #[test]
    fn what_is_wrong_with_a_description() {
        let refused = |text: &str| Description::read(text.as_bytes()).err().unwrap_or_default();
        assert_eq!(refused("apiVersion: v1\nname: a b\n"), "invalid plugin `name`");
        assert_eq!(refused("apiVersion: v1\nname: a\n"), "plugin `version` is required");
        assert_eq!(refused("apiVersion: v1\nname: a\nversion: 1.0.0\n"), "`type` missing");
        assert_eq!(refused("apiVersion: v2\n"), "invalid plugin apiVersion: \"v2\"");
        assert!(Description::read(b"name: old\n").unwrap().is_none());
    }
}
