//! Go slices. No template function changes one in place, so they are shared
//! and immutable.

use std::sync::Arc;

use super::Value;

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
    /// The slice's type as `%T` prints it.
    pub fn slice_type_name(self) -> &'static str {
        match self {
            Elem::Any => "[]interface {}",
            Elem::String => "[]string",
            Elem::Int => "[]int",
            Elem::Byte => "[]uint8",
            Elem::Float64 => "[]float64",
            Elem::AnyList => "[][]interface {}",
            Elem::Map => "[]map[string]interface {}",
            Elem::VersionSet => "chartutil.VersionSet",
            Elem::Dependency => "[]*chart.Dependency",
            Elem::Maintainer => "[]*chart.Maintainer",
        }
    }
}

/// A Go slice.
#[derive(Debug, Clone)]
pub struct List {
    items: Arc<[Value]>,
    elem: Elem,
    nil: bool,
}

impl List {
    /// A slice of this element type.
    pub fn new(elem: Elem, items: Vec<Value>) -> Self {
        List { items: Arc::from(items), elem, nil: false }
    }

    /// The nil slice of this element type: empty, but `null` in JSON.
    pub fn nil(elem: Elem) -> Self {
        List { items: Arc::from([]), elem, nil: true }
    }

    /// Whether this is a nil slice.
    pub fn is_nil(&self) -> bool {
        self.nil
    }

    /// The element type.
    pub fn elem(&self) -> Elem {
        self.elem
    }

    /// The elements.
    pub fn as_slice(&self) -> &[Value] {
        &self.items
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The elements in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Value> {
        self.items.iter()
    }

    /// One element.
    pub fn get(&self, index: usize) -> Option<&Value> {
        self.items.get(index)
    }
}
