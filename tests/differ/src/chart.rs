//! A chart of random templates, rendered by this project.

use charts::schema::LocalResolver;
use charts::template::{TemplateOptions, error_text, template};
use charts::{Compat, File, HelmVersion, Warnings, load};
use templates_compat::{Map, Seed, Seeded};

use crate::generate::Try;
use crate::words::VALUES;

const CHART: &str = "apiVersion: v2
name: diff
version: 1.2.3
appVersion: \"4.5\"
description: Random templates
keywords: [a, b]
maintainers:
- name: me
  email: me@example.org
annotations:
  k: v
";

/// The files of a chart with these templates. One that fails is included
/// plainly, so that its error has no function around it.
pub(crate) fn files(tries: &[&Try], fails: bool) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = vec![
        ("Chart.yaml".into(), CHART.into()),
        ("values.yaml".into(), VALUES.into()),
        ("files/a.txt".into(), b"one\ntwo\n{{ .Values.name }}\n".to_vec()),
        ("files/b.bin".into(), vec![0xff, 0xfe, 0, b'a', b'\n']),
        ("files/crlf.txt".into(), b"a\r\nb\r\n".to_vec()),
        ("files/empty.txt".into(), Vec::new()),
    ];
    for one in tries {
        let number = one.number;
        let partial = format!("templates/_{number}.tpl");
        let call = if fails {
            format!("{{{{ include \"diff/{partial}\" . }}}}")
        } else {
            format!("out: \"{{{{ include \"diff/{partial}\" . | b64enc }}}}\"\n")
        };
        files.push((partial, one.template.clone().into_bytes()));
        files.push((format!("templates/{number}.yaml"), call.into_bytes()));
    }
    files
}

/// What this project makes of a chart under that build of Helm: the text that
/// the command prints, or what it says after `Error: `.
pub(crate) fn render(files: &[(String, Vec<u8>)], helm: Option<&HelmVersion>) -> Result<String, String> {
    let mut warnings = Warnings::new();
    let files = files.iter().map(|(name, data)| File::new(name.as_str(), data.clone())).collect();
    let chart = load::load_files(files, Compat::Helm4, &mut warnings).map_err(|e| e.to_string())?;
    let options = TemplateOptions {
        release_name: "rel".into(),
        namespace: "default".into(),
        helm_version: helm.cloned(),
        ..TemplateOptions::default()
    };
    let rendered = template(chart, &Map::new(), &options, &Seeded::new(Seed::at(1, 0)), &LocalResolver, &mut warnings)
        .map_err(|e| error_text(&e))?;
    Ok(String::from_utf8_lossy(&rendered.text()).into_owned())
}
