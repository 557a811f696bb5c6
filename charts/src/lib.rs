//! A Helm chart in memory: loading, values, dependencies, rendering.
//!
//! Everything here is synchronous and touches local files only. What Helm
//! would log is returned as [`Warnings`]; nothing prints.
//!
//! The way of a render: [`load`] a [`Chart`], merge the user's values
//! ([`values`]), process [`dependencies`], coalesce, check the [`schema`],
//! [`render`], split and sort the [`manifest`]. [`template`] does all of it.

pub mod capabilities;
mod chart;
mod chart_object;
pub mod crds;
pub mod dependencies;
mod error;
mod files;
mod glob;
mod go_path;
mod go_text;
pub mod ignore;
pub mod lint;
pub mod load;
pub mod manifest;
mod metadata;
pub mod package;
mod parallel;
pub mod post_render;
pub mod render;
pub mod schema;
pub mod template;
pub mod values;
mod warning;

pub use capabilities::{Capabilities, HelmVersion, KubeVersion};
pub use chart::{Chart, File, Lock};
pub use error::{Error, ErrorKind, go_file_error};
pub use files::Files;
pub use go_path::{BadPattern, clean as clean_path, match_path as filepath_match};
pub use metadata::{API_VERSION_V1, API_VERSION_V2, Dependency, Maintainer, Metadata};
pub use parallel::Crew;
pub use templates_compat::Compat;
pub use warning::{Level, Warning, Warnings};
