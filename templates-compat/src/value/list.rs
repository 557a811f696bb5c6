//! Go slices. No template function changes one in place, so they are shared
//! and immutable.

use std::sync::Arc;

use super::{Value, teardown};
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
        match (self, compat) {
            (Elem::VersionSet, Compat::Helm3) => "chartutil.VersionSet",
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
    items: Vec<Value>,
    elem: Elem,
    nil: bool,
}

impl Drop for Cell {
    fn drop(&mut self) {
        if self.items.iter().any(teardown::is_container) {
            teardown::drop_all(std::mem::take(&mut self.items).into_iter());
        }
    }
}

impl List {
    /// A slice of this element type.
    pub fn new(elem: Elem, items: Vec<Value>) -> Self {
        List(Arc::new(Cell { items, elem, nil: false }))
    }

    /// The nil slice of this element type: empty, and JSON writes it as `null`.
    pub fn nil(elem: Elem) -> Self {
        List(Arc::new(Cell { items: Vec::new(), elem, nil: true }))
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
        &self.0.items
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.0.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.items.is_empty()
    }

    /// The elements in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Value> {
        self.0.items.iter()
    }

    /// One element.
    pub fn get(&self, index: usize) -> Option<&Value> {
        self.0.items.get(index)
    }

    /// Whether both are the same slice (not merely equal ones).
    pub fn is_same(&self, other: &List) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
