//! Go structs and named types with methods: chart metadata, times, semantic
//! versions, certificates.

use std::any::Any;
use std::borrow::Cow;
use std::fmt::Debug;

use super::{GoType, Str, Value};
use crate::compat::Compat;
use crate::func::{Cx, FuncResult};

/// A struct, a pointer to one, or a named type, as templates see it.
pub trait Object: Any + Debug + Send + Sync {
    /// The type as `%T` prints it, such as `*semver.Version`.
    fn type_name(&self, compat: Compat) -> Cow<'static, str>;

    /// The reflect kind; a pointer unless said otherwise.
    fn kind(&self) -> GoType {
        GoType::Ptr
    }

    /// An exported field.
    fn field(&self, name: &[u8]) -> Option<Value> {
        let _ = name;
        None
    }

    /// Exported fields in declaration order, for `%v`, `%+v` and `toYaml`.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// All fields in declaration order, also those that are not exported: what
    /// `fmt` walks for verbs that do not ask for `String()`.
    fn printed_fields(&self) -> Vec<(&'static str, Value)> {
        self.fields()
    }

    /// What `%#v` shows when the type implements `GoString()`.
    fn to_go_syntax(&self) -> Option<String> {
        None
    }

    /// For a named map type (kind [`GoType::Map`]): the value under a key.
    fn map_get(&self, key: &[u8]) -> Option<Value> {
        let _ = key;
        None
    }

    /// For a named map type: the zero value of its elements.
    fn map_zero(&self) -> Value {
        Value::Nil
    }

    /// For a named map type: the entries in byte order of the keys.
    fn map_entries(&self) -> Vec<(Str, Value)> {
        Vec::new()
    }

    /// Whether the type has this method, and how many arguments it takes.
    fn method(&self, name: &[u8]) -> Option<Method> {
        let _ = name;
        None
    }

    /// What `print` shows when the type implements `String()` or `Error()`.
    fn to_go_string(&self) -> Option<String> {
        None
    }

    /// What an action prints of a value that Go can take the address of, when
    /// only the pointer to the type implements `String()`. As an argument the
    /// value is a copy, which has no such method.
    fn to_go_string_by_pointer(&self) -> Option<String> {
        None
    }

    /// What `encoding/json` writes when the type implements `MarshalJSON` or
    /// `MarshalText`, or the value that it writes like (a struct's fields by
    /// their json names).
    fn to_json_value(&self) -> Option<Value> {
        None
    }

    /// The plain value behind a named type that is no struct, such as the
    /// `int64` of a `time.Duration`: what `%d`, `eq` and conversions see.
    fn underlying(&self) -> Option<Value> {
        None
    }

    /// What a deep copy by reflection gives, where that is not the same again:
    /// fields that are not exported stay empty in it.
    fn deep_copy(&self) -> Option<Value> {
        None
    }

    /// Whether it is a nil pointer of its type, as only a field can be.
    fn is_nil(&self) -> bool {
        false
    }

    /// Whether `if` takes it as true (Go: structs always, pointers when not nil).
    fn truth(&self) -> bool {
        true
    }

    /// Go's `==` between two values of the same type. Pointers are equal when
    /// they are the same; structs compare their fields.
    fn equals(&self, other: &dyn Object) -> bool {
        std::ptr::addr_eq(std::ptr::from_ref(self.as_any()), std::ptr::from_ref(other.as_any()))
    }

    /// For the functions that know the concrete type.
    fn as_any(&self) -> &dyn Any;
}

/// A method that a template may call.
#[derive(Clone, Copy)]
pub struct Method {
    /// The signature without the receiver.
    pub params: &'static [crate::func::Param],
    /// Whether the last parameter repeats.
    pub variadic: bool,
    /// The declared result.
    pub result: crate::func::Param,
    /// The body: receiver, then the checked arguments.
    pub call: fn(&Cx<'_>, &dyn Object, &mut [Value]) -> FuncResult,
}

impl Debug for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Method").field("params", &self.params).finish_non_exhaustive()
    }
}
