//! Go slices. No template function changes one in place, so they are shared
//! and immutable.

use std::sync::{Arc, OnceLock};

use super::{Int, IntKind, Value, teardown};
use crate::compat::Compat;

/// The element type of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Elem {
    /// `[]interface {}`
    Any,
    /// `[]string`
    String,
    /// `[]int`
    Int,
    /// `[]uint8`, Go's `[]byte`
    Byte,
    /// `[]float64`
    Float64,
    /// `[][]interface {}`
    AnyList,
    /// `[]map[string]interface {}`: TOML's arrays of tables
    Map,
    /// `common.VersionSet`/`chartutil.VersionSet`: `.Capabilities.APIVersions`
    VersionSet,
    /// `[]*chart.Dependency`
    Dependency,
    /// `[]*chart.Maintainer`
    Maintainer,
}

impl Elem {
    /// The slice's type as `%T` prints it in this Helm.
    pub fn type_name(self, compat: Compat) -> &'static str {
        match self {
            Elem::VersionSet => compat.version_set_type_name(),
            _ => self.slice_type_name(),
        }
    }

    /// The slice's type as `%T` prints it in Helm 4.
    pub fn slice_type_name(self) -> &'static str {
        match self {
            Elem::Any => "[]interface {}",
            Elem::String => "[]string",
            Elem::Int => "[]int",
            Elem::Byte => "[]uint8",
            Elem::Float64 => "[]float64",
            Elem::AnyList => "[][]interface {}",
            Elem::Map => "[]map[string]interface {}",
            Elem::VersionSet => "common.VersionSet",
            Elem::Dependency => "[]*chart.Dependency",
            Elem::Maintainer => "[]*chart.Maintainer",
        }
    }
}

/// A Go slice.
#[derive(Debug, Clone)]
pub struct List(Arc<Cell>);

#[derive(Debug)]
struct Cell {
    /// Made of `bytes` when first looked at.
    items: OnceLock<Vec<Value>>,
    /// What the elements are, where they are bytes that somebody has already:
    /// as values they take 24 times the room, and few templates look.
    bytes: Option<Arc<[u8]>>,
    /// The elements from when they were sorted where they are: the one thing
    /// that changes a slice in a template.
    sorted: OnceLock<Vec<Value>>,
    elem: Elem,
    nil: bool,
}

impl Cell {
    fn list(elem: Elem, items: OnceLock<Vec<Value>>, bytes: Option<Arc<[u8]>>, nil: bool) -> List {
        List(Arc::new(Cell { items, bytes, sorted: OnceLock::new(), elem, nil }))
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        if let Some(items) = self.items.take()
            && items.iter().any(teardown::is_container)
        {
            teardown::drop_all(items.into_iter());
        }
    }
}

fn expanded(bytes: &[u8]) -> Vec<Value> {
    bytes.iter().map(|b| Value::Int(Int { value: i64::from(*b), kind: IntKind::Uint8 })).collect()
}

impl List {
    /// A slice of this element type.
    pub fn new(elem: Elem, items: Vec<Value>) -> Self {
        Cell::list(elem, OnceLock::from(items), None, false)
    }

    /// A `[]byte` that shares its content.
    pub fn of_bytes(bytes: Arc<[u8]>) -> Self {
        Cell::list(Elem::Byte, OnceLock::new(), Some(bytes), false)
    }

    /// The nil slice of this element type: empty, and JSON writes it as `null`.
    pub fn nil(elem: Elem) -> Self {
        Cell::list(elem, OnceLock::new(), None, true)
    }

    /// Whether this is a nil slice (not merely an empty one).
    pub fn is_nil(&self) -> bool {
        self.0.nil
    }

    /// The element type.
    pub fn elem(&self) -> Elem {
        self.0.elem
    }

    /// The elements.
    pub fn as_slice(&self) -> &[Value] {
        if let Some(sorted) = self.0.sorted.get() {
            return sorted;
        }
        self.0.items.get_or_init(|| self.0.bytes.as_deref().map(expanded).unwrap_or_default())
    }

    /// Sorts a `[]string` where it is: whoever holds this slice sees it.
    pub fn sort_strings(&self) {
        self.0.sorted.get_or_init(|| {
            let mut items = self.as_slice().to_vec();
            items.sort_by(|a, b| a.as_bytes().cmp(&b.as_bytes()));
            items
        });
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.0.bytes.as_ref().map_or_else(|| self.as_slice().len(), |bytes| bytes.len())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Value> {
        self.as_slice().iter()
    }

    /// One element.
    pub fn get(&self, index: usize) -> Option<&Value> {
        self.as_slice().get(index)
    }

    /// Whether both are the same slice (not merely equal ones).
    pub fn is_same(&self, other: &List) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_bytes_are_a_slice_like_any_other() {
        let list = List::of_bytes(Arc::from(*b"ab"));
        assert_eq!((list.len(), list.is_empty(), list.is_nil(), list.elem()), (2, false, false, Elem::Byte));
        assert!(list.0.items.get().is_none(), "nobody has looked");
        let plain = List::new(Elem::Byte, expanded(b"ab"));
        assert_eq!(format!("{:?}", list.as_slice()), format!("{:?}", plain.as_slice()));
        assert!(list.get(2).is_none() && list.iter().count() == 2);
        assert!(List::of_bytes(Arc::from(*b"")).is_empty());
    }
}
