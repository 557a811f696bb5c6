//! Go types to decode into: which keys are wanted and what Go calls the type
//! in its error texts. Holds no decoding.

use crate::value::IntKind;

/// A Go type that a document is decoded into.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// `interface {}`
    Any,
    /// `string`: numbers and booleans of the YAML text become strings.
    Str,
    /// `bool`
    Bool,
    /// An integer type.
    Int(IntKind),
    /// `float64`
    Float,
    /// `time.Time`: given back as the string, checked to be RFC 3339.
    Time,
    /// `[]T`
    List(&'static Shape),
    /// `map[string]T`
    Map(&'static Shape),
    /// A struct, or a pointer to one.
    Struct(&'static StructShape),
}

/// A Go struct.
#[derive(Debug)]
pub struct StructShape {
    /// The name without its package, as in `Go struct field Metadata.name`.
    pub name: &'static str,
    /// The name with its package, as in `of type chart.Metadata`.
    pub full_name: &'static str,
    /// The fields; every other key is checked and dropped.
    pub fields: &'static [Field],
}

/// A field of a struct.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The JSON name; keys also match it without regard to case.
    pub json: &'static str,
    /// Whether Go declares it as a pointer (`*T` in error texts).
    pub pointer: bool,
    /// Its type.
    pub shape: Shape,
}
