//! Whether objects are named as Kubernetes wants it, kind by kind.

/// What is wrong with an object's name.
pub(super) fn problems(kind: &str, name: &str) -> Vec<String> {
    match kind.to_lowercase().as_str() {
        "service" => label_1035(name),
        "namespace" => label_1123(name),
        "certificatesigningrequest" => Vec::new(),
        "role" | "clusterrole" | "rolebinding" | "clusterrolebinding" => path_segment(name),
        _ => subdomain(name),
    }
}

fn too_long(name: &str, max: usize) -> Option<String> {
    (name.len() > max).then(|| format!("must be no more than {max} bytes"))
}

fn is_label(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(edge) && text.ends_with(edge) && text.chars().all(|c| edge(c) || c == '-')
}

fn subdomain(name: &str) -> Vec<String> {
    const TEXT: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
        and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
        '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    let wrong = !name.split('.').all(is_label);
    too_long(name, 253).into_iter().chain(wrong.then(|| TEXT.to_string())).collect()
}

fn label_1123(name: &str) -> Vec<String> {
    const TEXT: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
        start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
        '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    too_long(name, 63).into_iter().chain((!is_label(name)).then(|| TEXT.to_string())).collect()
}

fn label_1035(name: &str) -> Vec<String> {
    const TEXT: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
        alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
        validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
    let wrong = !is_label(name) || name.starts_with(|c: char| c.is_ascii_digit());
    too_long(name, 63).into_iter().chain(wrong.then(|| TEXT.to_string())).collect()
}

fn path_segment(name: &str) -> Vec<String> {
    if matches!(name, "." | "..") {
        return vec![format!("may not be '{name}'")];
    }
    ["/", "%"].into_iter().filter(|c| name.contains(c)).map(|c| format!("may not contain '{c}'")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert!(problems("Deployment", "a.b-c").is_empty());
        assert_eq!(problems("Deployment", "").len(), 1);
        assert_eq!(problems("Service", "1a").len(), 1);
        assert!(problems("Namespace", "1a").is_empty());
        assert!(problems("Role", "system:X").is_empty());
        assert_eq!(problems("ClusterRole", "a/b"), ["may not contain '/'"]);
        assert_eq!(problems("Pod", &"a".repeat(300))[0], "must be no more than 253 bytes");
    }
}
