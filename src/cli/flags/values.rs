//! The user's values.

use std::io::Read;

use charts::values::ValueOptions;
use engine::pull::{self, MAX_VALUES_BYTES};
use templates_compat::Map;
use templates_compat::neturl::Url;

use crate::cli::{Context, Failure};

/// Helm's values flags.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ValuesArgs {
    /// specify values in a YAML file or a URL (can specify multiple)
    #[arg(short = 'f', long = "values", value_name = "strings")]
    pub values: Vec<String>,
    /// set values on the command line (can specify multiple or separate values with commas: key1=val1,key2=val2)
    #[arg(long, value_name = "stringArray", allow_hyphen_values = true)]
    pub set: Vec<String>,
    /// set STRING values on the command line (can specify multiple or separate values with commas: key1=val1,key2=val2)
    #[arg(long, value_name = "stringArray", allow_hyphen_values = true)]
    pub set_string: Vec<String>,
    /// set values from respective files specified via the command line (can specify multiple or separate values with commas: key1=path1,key2=path2)
    #[arg(long, value_name = "stringArray", allow_hyphen_values = true)]
    pub set_file: Vec<String>,
    /// set JSON values on the command line (can specify multiple or separate values with commas: key1=jsonval1,key2=jsonval2 or using json format: {"key1": jsonval1, "key2": "jsonval2"})
    #[arg(long, value_name = "stringArray", allow_hyphen_values = true)]
    pub set_json: Vec<String>,
    /// set a literal STRING value on the command line
    #[arg(long, value_name = "stringArray", allow_hyphen_values = true)]
    pub set_literal: Vec<String>,
}

impl ValuesArgs {
    /// Reads the files and puts everything together in Helm's order.
    ///
    /// # Errors
    /// A file that cannot be read, or a value that cannot be parsed.
    pub(crate) fn merge(&self, cx: &Context) -> Result<Map, Failure> {
        let options = ValueOptions {
            files: self.values.clone(),
            set: self.set.clone(),
            set_string: self.set_string.clone(),
            set_file: self.set_file.clone(),
            set_json: self.set_json.clone(),
            set_literal: self.set_literal.clone(),
        };
        let mut read = |name: &str| read_file(cx, name);
        options.merge(&mut read, cx.settings.compat).map_err(Failure::from_display)
    }
}

/// Reads a values file: `-` is standard input, URLs are fetched, all else is
/// a path.
fn read_file(cx: &Context, name: &str) -> Result<Vec<u8>, String> {
    if name.trim() == "-" {
        let mut bytes = Vec::new();
        let limit = MAX_VALUES_BYTES;
        std::io::stdin().take(limit + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        return if bytes.len() as u64 > limit {
            Err(format!("standard input is larger than the limit of {limit} bytes"))
        } else {
            Ok(bytes)
        };
    }
    // Also a path must be one that Go reads as an address.
    let url = Url::parse(name.as_bytes(), cx.settings.compat)?;
    match url.scheme.as_slice() {
        b"http" | b"https" if url.host.is_empty() => Err(format!("Get {name:?}: http: no Host in request URL")),
        b"http" | b"https" => {
            let fetched = cx.block_on(async { pull::values_file(name).await.map_err(Failure::from_display) });
            fetched.map_err(|f| f.message.unwrap_or_default())
        }
        b"oci" => Err(format!("{name}: values are not read from registries")),
        _ => charts::values::read_local(name),
    }
}
