//! Which program changes what was rendered.

use std::sync::Arc;

use charts::post_render::PostRenderer;

use crate::cli::post_renderer::{executable, plugin};
use crate::cli::{Context, Failure};

/// Helm's post-render flags.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PostRenderArgs {
    /// the name of a postrenderer type plugin to be used for post rendering. If it exists, the plugin will be used (with --compat=helm3: the path to an executable)
    #[arg(long, value_name = "postRendererString", allow_hyphen_values = true)]
    pub post_renderer: Vec<String>,
    /// an argument to the post-renderer (can specify multiple)
    #[arg(long, value_name = "postRendererArgsSlice", allow_hyphen_values = true)]
    pub post_renderer_args: Vec<String>,
}

impl PostRenderArgs {
    /// The program, if one is asked for.
    ///
    /// # Errors
    /// None is found by that name, or two are asked for.
    pub(crate) fn renderer(&self, cx: &Context) -> Result<Option<Arc<dyn PostRenderer>>, Failure> {
        let mut names = self.post_renderer.iter().filter(|name| !name.is_empty());
        let Some(name) = names.next() else { return Ok(None) };
        let refused = |name: &str, why: &str| {
            Failure::new(format!("invalid argument {name:?} for \"--post-renderer\" flag: {why}"))
        };
        let args = self.post_renderer_args.clone();
        let found = match cx.settings.compat.post_renderers_are_plugins() {
            false => executable(name, args),
            true => plugin(&cx.settings.plugins, name, args, &cx.printer),
        };
        let found = found.map_err(|why| refused(name, &why))?;
        match names.next() {
            Some(second) => Err(refused(second, "cannot specify --post-renderer flag more than once")),
            None => Ok(Some(found)),
        }
    }
}
