//! Which Helm's bytes are wanted. Every known difference between the two is a
//! line of the table here; the rest of the code asks for it by its name and
//! never compares versions.

/// The Helm whose output is reproduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Compat {
    /// Helm 3.19.0, built with Go 1.24.
    Helm3,
    /// Helm 4.3.1, built with Go 1.27.
    #[default]
    Helm4,
}

/// What differs: its name, its type, what it is in Helm 3, and in Helm 4.
macro_rules! differences {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $helm3:expr, $helm4:expr;)+) => {
        impl Compat {
            $($(#[doc = $doc])+
            #[inline]
            #[must_use]
            pub fn $name(self) -> $type {
                match self {
                    Compat::Helm3 => $helm3,
                    Compat::Helm4 => $helm4,
                }
            })+
        }
    };
}

// Itself.
differences! {
    /// The version, as templates see it.
    helm_version: &'static str = "v3.19.0", "v4.3.1";
    /// The commit that the official program was built from.
    git_commit: &'static str = "3d8990f0836691f0229297773f3524598f46bda6", "";
    /// The Go that it was built with.
    go_version: &'static str = "go1.24.7", "go1.27.2";
    /// The Kubernetes of its client library; Helm 3 does not tell.
    kube_client_version: &'static str = "", "v1.37";
    /// Whether it assumes Kubernetes 1.37 without a cluster (else 1.34).
    knows_kube_1_37: bool = false, true;
}

// Go's library.
differences! {
    /// Whether Go's tables are those of Unicode 17 (else of Unicode 15).
    has_unicode_17: bool = false, true;
    /// Whether `eq` and its kin name the types that cannot be compared.
    names_incompatible_types: bool = false, true;
    /// Whether JSON is read by Go's first implementation, whose errors know no
    /// paths and take the end of a text for a space.
    has_old_json_reader: bool = true, false;
    /// What JSON says of values that hold themselves.
    json_cycle_error: &'static str = "json: unsupported value: encountered a cycle",
        "json: unsupported value: encountered a cycle via map[string]interface {}";
    /// Whether an address in brackets in a URL must be one.
    checks_ip_literals: bool = false, true;
    /// Whether the port of an http URL begins at its first colon (else at its
    /// last one).
    ports_begin_at_the_first_colon: bool = false, true;
    /// Whether keys of certificates are named by SHA-256 (else by SHA-1).
    key_ids_are_sha256: bool = false, true;
    /// Whether classes in patterns are named without regard to case, spaces,
    /// hyphens and underscores.
    class_names_are_loose: bool = false, true;
    /// Whether patterns are factored before they are looked at, which confuses
    /// cases.
    factors_alternations: bool = true, false;
}

// Libraries.
differences! {
    /// Whether versions and constraints are limited in length (semver 3.5).
    limits_versions: bool = false, true;
    /// Whether errors quote constraints and versions (semver 3.5).
    quotes_constraints: bool = false, true;
    /// Whether a part of a version that is raised too often becomes 0 (semver
    /// 3.4).
    versions_overflow: bool = true, false;
    /// Whether TOML is that of BurntSushi's 1.6, TOML 1.1 (else 1.5, TOML 1.0).
    has_toml_1_1: bool = false, true;
    /// Whether a schema's unknown URN allows everything (else it is an error).
    unknown_urns_are_anything: bool = false, true;
    /// Whether the schema library says where a wrong name of a property is.
    locates_property_names: bool = false, true;
}

// Names of Go's types.
differences! {
    /// Whether packages have versions: `v2.Metadata`, `v1.Release`.
    has_versioned_packages: bool = false, true;
    /// The package of values and capabilities.
    values_package: &'static str = "chartutil", "common";
    /// The type of `.Values`, as `%T` prints it.
    values_type_name: &'static str = "chartutil.Values", "common.Values";
    /// The type of `.Capabilities.APIVersions`.
    version_set_type_name: &'static str = "chartutil.VersionSet", "common.VersionSet";
}

// Templates and charts.
differences! {
    /// Whether there are the functions that Helm 4 added.
    has_newer_functions: bool = false, true;
    /// Whether errors of templates are told as a trace.
    traces_errors: bool = false, true;
    /// Whether `.Chart` is a map (else a struct).
    chart_is_a_map: bool = false, true;
    /// Whether the version of Kubernetes keeps what providers append.
    keeps_full_kube_version: bool = false, true;
    /// Whether each file of a chart has a limit (else all of them together).
    limits_single_files: bool = true, false;
    /// What a chart that is too large is larger than.
    chart_size_words: &'static str = "maximum file size", "maximum size";
    /// Whether `Chart.yaml` is looked at before anything else.
    detects_the_chart_first: bool = false, true;
    /// Whether `.` and `..` are no names of charts.
    refuses_dots_as_names: bool = false, true;
    /// How the error about dependencies that are missing begins, and quotes.
    dependency_error_marks: (char, char) = ('A', '`'), ('a', '\'');
    /// Whether copies of a chart under several aliases share what is in them.
    shares_copied_charts: bool = true, false;
    /// The extra field in the head of a packed chart.
    package_extra: &'static [u8] = b"+aHR0cHM6Ly95b3V0dS5iZS96OVV6MWljandyTQo=",
        b"rr\x28\x00aHR0cHM6Ly95b3V0dS5iZS96OVV6MWljandyTQo=";
    /// How the error about a schema that is no JSON begins.
    invalid_word: &'static str = "Invalid", "invalid";
    /// Whether a packed chart keeps the times of its files.
    keeps_mod_times: bool = false, true;
    /// Whether `lint` looks at unknown fields, versions and definitions.
    lints_strictly: bool = false, true;
    /// Whether the log has levels and attributes (else lines of the source).
    log_has_levels: bool = false, true;
}

// Values.
differences! {
    /// Whether nulls of defaults go before they meet anything.
    cleans_nulls_of_defaults: bool = false, true;
    /// Whether a null deletes another null, and takes part in no merge.
    nulls_delete_nulls: bool = true, false;
    /// Whether a file of values may have several documents.
    values_have_documents: bool = false, true;
    /// Whether `--set-json` takes a whole object.
    set_json_takes_objects: bool = false, true;
    /// Whether the index of a list in `--set` may lack its bracket.
    index_may_stay_open: bool = false, true;
}

// Manifests.
differences! {
    /// Whether documents lose the space around them (else before them only).
    trims_documents: bool = true, false;
    /// Whether webhook configurations have a place in the order of kinds.
    orders_webhooks: bool = false, true;
    /// Whether post-renderers get the files (else the whole manifest).
    post_renders_files: bool = false, true;
    /// Whether post-renderers are plugins (else programs).
    post_renderers_are_plugins: bool = false, true;
    /// Whether `show crds` parts every definition (else the first of `all`).
    parts_every_crd: bool = false, true;
}

// Releases.
differences! {
    /// Whether objects are applied by the server unless a flag says otherwise.
    applies_server_side: bool = false, true;
    /// Whether a replacement with unknown fields is refused.
    validates_strictly: bool = false, true;
    /// Whether records say how they were applied, and what they went back to.
    records_apply_methods: bool = false, true;
    /// Whether an install that cannot begin is logged, and its error explained.
    logs_install_errors: bool = false, true;
    /// What is said of `--hide-secret` without a dry run.
    hide_secret_error: &'static str = "Hiding Kubernetes secrets requires a dry-run mode",
        "hiding Kubernetes secrets requires a dry-run mode";
    /// What is said of the name of a release that exists.
    name_in_use_error: &'static str = "cannot re-use a name that is still in use",
        "cannot reuse a name that is still in use";
}

// The command.
differences! {
    /// Whether there are colours.
    has_colors: bool = false, true;
    /// Whether there is a cache for contents.
    has_a_content_cache: bool = false, true;
    /// Whether where a chart comes from is told on standard output (else on
    /// standard error).
    prints_where_charts_are_from: bool = false, true;
    /// Whether `SOURCE_DATE_EPOCH` counts.
    reads_source_date_epoch: bool = false, true;
    /// Whether `package` takes a file for a folder with nothing in it.
    takes_files_for_empty_charts: bool = true, false;
    /// Whether `status` always shows the description.
    always_shows_descriptions: bool = false, true;
    /// Whether `test` shows the notes.
    tests_show_notes: bool = true, false;
    /// Whether keyrings may be keyboxes or armored.
    reads_new_keyrings: bool = false, true;
    /// What stands before an error about a signature.
    signature_error_prefix: &'static str = "failed to decode signature: ", "";
    /// Whether the signed copy of `Chart.yaml` is read.
    reads_signed_metadata: bool = true, false;
}
