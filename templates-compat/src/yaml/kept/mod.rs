//! YAML that keeps its looks: read into a tree that remembers comments,
//! quoting, flow and block, and written again as yaml.v3 writes such a tree
//! with compact sequences. Helm 4 hands manifests to a post-renderer this
//! way.

mod comments;
mod read;
mod write;

#[cfg(test)]
mod tests;

use super::YamlError;

/// How deep a document may be nested.
const MAX_DEPTH: usize = 1000;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Scalar,
    Sequence,
    /// Keys and values take turns.
    Mapping,
    Alias,
}

/// How a node was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// A scalar without quotes; a collection by indentation.
    Plain,
    Single,
    Double,
    Literal,
    Folded,
    Flow,
}

#[derive(Debug, Clone)]
struct Item {
    kind: Kind,
    style: Style,
    /// A scalar's text, an alias' name.
    text: Vec<u8>,
    anchor: Option<Vec<u8>>,
    tag: Option<Vec<u8>>,
    children: Vec<Item>,
    /// Comments above, beside and below; `#` included.
    head: Vec<u8>,
    line: Vec<u8>,
    foot: Vec<u8>,
    /// Where it stood, in bytes.
    start: usize,
    end: usize,
    column: usize,
}

impl Item {
    fn new(kind: Kind, style: Style, text: &[u8]) -> Item {
        let (anchor, tag, children) = (None, None, Vec::new());
        let (head, line, foot) = (Vec::new(), Vec::new(), Vec::new());
        Item { kind, style, text: text.to_vec(), anchor, tag, children, head, line, foot, start: 0, end: 0, column: 0 }
    }

    fn is_null(&self) -> bool {
        let word = matches!(self.text.as_slice(), b"" | b"~" | b"null" | b"Null" | b"NULL");
        match &self.tag {
            Some(tag) => tag == b"!!null",
            None => self.kind == Kind::Scalar && self.style == Style::Plain && word,
        }
    }

    /// The place of a key's value among the children.
    fn place(&self, key: &str) -> Option<usize> {
        if self.kind != Kind::Mapping {
            return None;
        }
        (0..self.children.len() / 2).map(|i| 2 * i).find(|i| self.children[*i].text == key.as_bytes()).map(|i| i + 1)
    }

    fn get(&self, key: &str) -> Option<&Item> {
        self.place(key).map(|at| &self.children[at])
    }

    fn remove(&mut self, key: &str) {
        if let Some(at) = self.place(key) {
            self.children.drain(at - 1..=at);
        }
    }

    /// The value of a key, which is made if it is not there.
    fn get_or_make(&mut self, key: &str, make: impl FnOnce() -> Item) -> &mut Item {
        let at = self.place(key).unwrap_or_else(|| {
            self.children.push(Item::new(Kind::Scalar, Style::Plain, key.as_bytes()));
            self.children.push(make());
            self.children.len() - 1
        });
        &mut self.children[at]
    }

    fn is_childless(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value.children.is_empty())
    }
}

/// One document.
#[derive(Debug, Clone)]
pub struct KeptDocument {
    root: Item,
    head: Vec<u8>,
    foot: Vec<u8>,
}

impl KeptDocument {
    /// Reads a text of one document; `None` if nothing or null is in it.
    ///
    /// # Errors
    /// `yaml: …`
    pub fn parse(text: &[u8]) -> Result<Option<KeptDocument>, YamlError> {
        read::document(text)
    }

    /// The items of a `List`, as documents of their own.
    ///
    /// # Errors
    /// Gives itself back if it is none.
    pub fn into_items(self) -> Result<Vec<KeptDocument>, Box<KeptDocument>> {
        let is_list =
            self.root.get("kind").is_some_and(|kind| matches!(kind.text.as_slice(), b"List" | b"ResourceList"));
        match self.root.place("items") {
            Some(at) if is_list => {
                let mut root = self.root;
                let items = std::mem::take(&mut root.children[at].children);
                let document = |root| KeptDocument { root, head: Vec::new(), foot: Vec::new() };
                Ok(items.into_iter().map(document).collect())
            }
            _ => Err(Box::new(self)),
        }
    }

    /// What kind of node is not the mapping that an object is; in kyaml's
    /// words.
    pub fn wrong_kind(&self) -> Option<&'static str> {
        match self.root.kind {
            Kind::Mapping => None,
            Kind::Sequence => Some("SequenceNode"),
            Kind::Scalar => Some("ScalarNode"),
            Kind::Alias => Some("AliasNode"),
        }
    }

    /// An annotation of the object.
    pub fn annotation(&self, name: &str) -> Option<String> {
        let value = self.root.get("metadata")?.get("annotations")?.get(name)?;
        Some(String::from_utf8_lossy(&value.text).into_owned())
    }

    /// Sets an annotation of the object, in single quotes.
    pub fn set_annotation(&mut self, name: &str, value: &str) {
        self.clear_empty();
        let block = || Item::new(Kind::Mapping, Style::Plain, b"");
        let annotations = self.root.get_or_make("metadata", block).get_or_make("annotations", block);
        let scalar = || Item::new(Kind::Scalar, Style::Single, b"");
        let item = annotations.get_or_make(name, scalar);
        let line = std::mem::take(&mut item.line);
        *item = Item { line, ..Item::new(Kind::Scalar, Style::Single, value.as_bytes()) };
    }

    /// Takes an annotation away, and what is empty then.
    pub fn clear_annotation(&mut self, name: &str) {
        if let Some(metadata) = self.root.place("metadata")
            && let Some(annotations) = self.root.children[metadata].place("annotations")
        {
            self.root.children[metadata].children[annotations].remove(name);
        }
        self.clear_empty();
    }

    fn clear_empty(&mut self) {
        if let Some(metadata) = self.root.place("metadata") {
            let metadata = &mut self.root.children[metadata];
            if metadata.is_childless("annotations") {
                metadata.remove("annotations");
            }
        }
        if self.root.is_childless("metadata") {
            self.root.remove("metadata");
        }
    }
}

/// Writes documents as one stream.
pub fn write_kept(documents: &[KeptDocument]) -> Vec<u8> {
    write::stream(documents)
}
