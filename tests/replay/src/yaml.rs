//! YAML: read as a value, as documents and as a manifest's head; what was read
//! is written, and read again as the same where Helm's YAML loses nothing.

use templates_compat::{Compat, Value, json, yaml};

/// The body of the target.
pub fn yaml(data: &[u8]) {
    let compat = if data.len() % 8 == 3 { Compat::Helm3 } else { Compat::Helm4 };
    for document in yaml::documents(data).take(100) {
        if document.is_err() {
            break;
        }
    }
    let _ = yaml::head(data, compat);
    let _ = yaml::read_strict(data, compat);
    let Ok(value) = yaml::read(data, compat) else { return };
    let Ok(text) = yaml::write(&value, compat) else { return };
    if !yaml::reads_back(&value) {
        let _ = (yaml::read(&text, compat), yaml::write_pretty(&value, compat));
        return;
    }
    let as_json = json_of(&value);
    let again = yaml::read(&text, compat);
    let again = again.unwrap_or_else(|e| panic!("{e} in what was written: {:?}", String::from_utf8_lossy(&text)));
    assert_eq!(as_json, json_of(&again), "after toYaml: {:?}", String::from_utf8_lossy(&text));
    // Written again it is the same text.
    assert_eq!(text, yaml::write(&again, compat).unwrap_or_default());
    if let Ok(pretty) = yaml::write_pretty(&value, compat) {
        if !yaml::reads_back_pretty(&value) {
            return;
        }
        let again = yaml::read(&pretty, compat);
        let again = again.unwrap_or_else(|e| panic!("{e} in: {:?}", String::from_utf8_lossy(&pretty)));
        assert_eq!(as_json, json_of(&again), "after toYamlPretty: {:?}", String::from_utf8_lossy(&pretty));
    }
}

fn json_of(value: &Value) -> Option<String> {
    let text = json::write(value, &json::Options::default(), Compat::Helm4).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}
