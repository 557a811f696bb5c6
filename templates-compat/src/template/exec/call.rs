//! Calling functions and methods: counting, evaluating and converting
//! arguments to the declared parameters, with Go's words when they do not fit.

use super::methods::Callee;
use super::val::{Val, is_true};
use super::{Exec, Frame, NodeRef, State};
use crate::func::{FuncError, Param};
use crate::template::ast::{Arg, Special};
use crate::value::{Elem, GoType, Int, IntKind, List, Map, MapType, Value};

/// What a call of a function costs that makes keys or is slow on purpose, in
/// steps.
const SLOW_STEPS: usize = 1_000_000;

/// A callee's declared parameters.
#[derive(Clone, Copy)]
struct Params {
    params: &'static [Param],
    variadic: bool,
}

impl Params {
    /// How many parameters stand before the variadic one.
    fn fixed(self) -> usize {
        self.params.len() - usize::from(self.variadic && !self.params.is_empty())
    }

    /// The type of the argument at this place.
    fn at(self, i: usize) -> Param {
        self.params.get(i).or_else(|| self.params.last()).copied().unwrap_or(Param::Any)
    }
}

/// What the arguments of one call became.
struct Arguments {
    /// Where they begin in the state's list of arguments.
    start: usize,
    /// Whether the first one is a nil held as `interface {}`.
    nil_interface: bool,
}

impl<'e> State<'e> {
    pub(super) fn eval_call<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Val,
        callee: &Callee<'_>,
        node: NodeRef<'t>,
        args: &'t [Arg],
        last: Option<Val>,
    ) -> Exec<Val> {
        let (params, variadic) = callee.params();
        let params = Params { params, variadic };
        self.check_count(frame, callee.name(), params, args.len(), last.is_some())?;
        self.spend(frame, 1)?;
        if let Callee::Func(_, Special::Slow) = callee {
            self.spend(frame, SLOW_STEPS)?;
        }
        if let Callee::Func(_, special @ (Special::And | Special::Or)) = callee {
            return self.and_or(frame, dot, *special == Special::Or, args, last);
        }
        // What `call` calls its callee.
        let callee_text = match (callee, args.first(), &last) {
            (Callee::Func(_, Special::Call), Some(arg), _) => self.node_text(frame, arg),
            (Callee::Func(_, Special::Call), None, Some(last)) => self.reflect_string(last),
            _ => String::new(),
        };
        let start = self.args.len();
        let arguments = match self.arguments(frame, dot, params, args, last) {
            Ok(arguments) => arguments,
            Err(error) => {
                self.args.truncate(start);
                return Err(error);
            }
        };
        let steps = self.args.get(start..).unwrap_or_default().iter().map(size).sum();
        if let Err(error) = self.spend(frame, steps) {
            self.args.truncate(start);
            return Err(error);
        }
        let result = self.invoke(frame, callee, &callee_text, &arguments);
        self.args.truncate(start);
        match result {
            Ok(value) => {
                self.charge(frame, &value)?;
                Ok(Val::concrete(value))
            }
            Err(error) => {
                frame.node = node;
                Err(self.func_error(frame, callee.name(), error))
            }
        }
    }

    fn check_count(&self, frame: &Frame<'_>, name: &str, params: Params, args: usize, last: bool) -> Exec<()> {
        let count = args + usize::from(last);
        let (fixed, all) = (params.fixed(), params.params.len());
        if params.variadic && count < fixed {
            return Err(self.error(frame, format!("wrong number of args for {name}: want at least {fixed} got {args}")));
        }
        if !params.variadic && count != all {
            return Err(self.error(frame, format!("wrong number of args for {name}: want {all} got {count}")));
        }
        Ok(())
    }

    /// Large results cost more than small ones, and take memory.
    fn charge(&mut self, frame: &Frame<'_>, value: &Value) -> Exec<()> {
        let bytes = match value {
            Value::Str(text) => text.len(),
            Value::List(list) => list.len() * size_of::<Value>(),
            _ => return Ok(()),
        };
        self.spend(frame, size(value))?;
        self.account(frame, bytes)
    }

    /// `and` and `or`: the deciding argument, or the last one. What stands
    /// after the deciding one is not evaluated.
    fn and_or<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Val,
        or: bool,
        args: &'t [Arg],
        last: Option<Val>,
    ) -> Exec<Val> {
        let mut val = Val::INVALID;
        for arg in args {
            val = self.eval_arg(frame, dot, Param::Reflect, arg)?;
            if is_true(&val.value) == or {
                return Ok(val);
            }
        }
        Ok(last.unwrap_or(val))
    }

    fn arguments<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Val,
        params: Params,
        args: &'t [Arg],
        last: Option<Val>,
    ) -> Exec<Arguments> {
        let start = self.args.len();
        let mut nil_interface = false;
        for (i, arg) in args.iter().enumerate() {
            let val = self.eval_arg(frame, dot, params.at(i), arg)?;
            if i == 0 {
                nil_interface = val.iface && val.value.is_nil();
            }
            self.args.push(val.value);
        }
        if let Some(last) = last {
            let val = self.validate(frame, last, params.at(args.len()))?;
            self.args.push(val.value);
        }
        Ok(Arguments { start, nil_interface })
    }

    fn invoke(
        &mut self,
        frame: &mut Frame<'_>,
        callee: &Callee<'_>,
        callee_text: &str,
        arguments: &Arguments,
    ) -> Result<Value, FuncError> {
        let start = arguments.start;
        match callee {
            Callee::Func(_, special @ (Special::Include | Special::Tpl)) => {
                let Some([Value::Str(text), data]) = self.args.get_mut(start..) else {
                    return Err(FuncError::panic("reflect: Call with too few input arguments"));
                };
                let (text, data) = (std::mem::take(text), std::mem::take(data));
                if *special == Special::Tpl { self.tpl(frame, &text, data) } else { self.include(frame, &text, data) }
            }
            Callee::Func(_, Special::Call) => Err(FuncError::error(match self.args.get(start) {
                None | Some(Value::Nil) => "call of nil".to_owned(),
                Some(value) => {
                    format!("non-function {callee_text} of type {}", value.type_name(self.cx.compat))
                }
            })),
            Callee::Func(_, Special::Len) if arguments.nil_interface => Err(FuncError::error("len of nil pointer")),
            callee => callee.call(&self.cx, self.args.get_mut(start..).unwrap_or_default()),
        }
    }

    /// `reflect.Value.String` of the piped value: what an error about `call`
    /// names it.
    fn reflect_string(&self, val: &Val) -> String {
        match &val.value {
            Value::Str(text) => text.to_text().into_owned(),
            Value::Nil => "<invalid Value>".to_owned(),
            value => format!("<{} Value>", value.type_name(self.cx.compat)),
        }
    }

    /// Evaluates one argument for a parameter of this type.
    fn eval_arg<'t>(&mut self, frame: &mut Frame<'t>, dot: &Val, param: Param, arg: &'t Arg) -> Exec<Val> {
        frame.node = NodeRef::Arg(arg);
        let val = match arg {
            Arg::Dot(_) => dot.clone(),
            Arg::Nil(_) => {
                return match zero(param) {
                    Some(value) => Ok(Val::concrete(value)),
                    None => Err(self.error(frame, format!("cannot assign nil to {}", type_name(param)))),
                };
            }
            Arg::Field(field) => self.eval_fields(frame, dot, dot, arg, &field.idents, &[], None)?,
            Arg::Variable(variable) => self.eval_variable(frame, dot, arg, variable, &[], None)?,
            Arg::Pipe(pipe) => self.with_room(frame, |state, frame| state.eval_pipeline(frame, dot, pipe))?,
            Arg::Ident(ident) => self.eval_function(frame, dot, ident, NodeRef::Arg(arg), &[], None)?,
            Arg::Chain(chain) => self.eval_chain(frame, dot, arg, chain, &[], None)?,
            Arg::Bool(..) | Arg::Number(_) | Arg::Str(_) => return self.constant_arg(frame, dot, param, arg),
        };
        self.validate(frame, val, param)
    }

    /// A constant takes the type of its parameter.
    fn constant_arg<'t>(&mut self, frame: &mut Frame<'t>, dot: &Val, param: Param, arg: &'t Arg) -> Exec<Val> {
        let int = |kind: IntKind, value: i64| Value::Int(Int { value, kind });
        let (value, wanted) = match (param, arg) {
            (Param::Any | Param::Reflect, _) => return self.constant(frame, dot, arg),
            (Param::Bool, Arg::Bool(_, value)) => (Some(Value::Bool(*value)), ""),
            (Param::Bool, _) => (None, "bool"),
            (Param::Str, Arg::Str(text)) => (Some(text.value.clone()), ""),
            (Param::Str, _) => (None, "string"),
            (Param::Int, Arg::Number(n)) => (n.int.map(|i| int(IntKind::Int, i)), "integer"),
            (Param::Int64 | Param::Duration, Arg::Number(n)) => (n.int.map(|i| int(IntKind::Int64, i)), "integer"),
            (Param::Int | Param::Int64 | Param::Duration, _) => (None, "integer"),
            (Param::Uint32, Arg::Number(n)) => {
                (n.uint.map(|u| int(IntKind::Uint32, i64::from(u as u32))), "unsigned integer")
            }
            (Param::Uint32, _) => (None, "unsigned integer"),
            (Param::Float64, Arg::Number(n)) => (n.float.map(Value::Float), "float"),
            (Param::Float64, _) => (None, "float"),
            _ => {
                let shown = self.node_text(frame, arg);
                let message = format!("can't handle {shown} for arg of type {}", type_name(param));
                return Err(self.error(frame, message));
            }
        };
        match value {
            Some(value) => Ok(Val::concrete(value)),
            None => {
                let shown = self.node_text(frame, arg);
                Err(self.error(frame, format!("expected {wanted}; found {shown}")))
            }
        }
    }

    /// Checks that a value fits its parameter.
    fn validate(&self, frame: &Frame<'_>, val: Val, param: Param) -> Exec<Val> {
        if matches!(param, Param::Any | Param::Reflect) {
            return Ok(val);
        }
        if val.is_invalid() {
            return match zero(param) {
                Some(value) => Ok(Val::concrete(value)),
                None => Err(self.error(frame, format!("invalid value; expected {}", type_name(param)))),
            };
        }
        if !val.value.is_nil() && self.assignable(&val.value, param) {
            return Ok(Val::concrete(val.value));
        }
        let got = match &val.value {
            Value::Nil => "interface {}".into(),
            value => value.type_name(self.cx.compat),
        };
        Err(self.error(frame, format!("wrong type for value; expected {}; got {got}", type_name(param))))
    }

    /// Go's assignability of a value to a parameter's type.
    fn assignable(&self, value: &Value, param: Param) -> bool {
        match (param, value) {
            (Param::Any | Param::Reflect, _) => true,
            (Param::Str, Value::Str(_)) | (Param::Bool, Value::Bool(_)) | (Param::Float64, Value::Float(_)) => true,
            (Param::Int, Value::Int(i)) => i.kind == IntKind::Int,
            (Param::Int64, Value::Int(i)) => i.kind == IntKind::Int64,
            (Param::Uint32, Value::Int(i)) => i.kind == IntKind::Uint32,
            (Param::AnyList, Value::List(l)) => l.elem() == Elem::Any,
            (Param::StrList, Value::List(l)) => matches!(l.elem(), Elem::String | Elem::VersionSet),
            (Param::IntList, Value::List(l)) => l.elem() == Elem::Int,
            (Param::FloatList, Value::List(l)) => l.elem() == Elem::Float64,
            (Param::AnyListList, Value::List(l)) => l.elem() == Elem::AnyList,
            (Param::Map, Value::Map(m)) => matches!(m.map_type(), MapType::Any | MapType::Values),
            (Param::StrMap, Value::Map(m)) => m.map_type() == MapType::String,
            (param, Value::Object(object)) => {
                let name = object.type_name(self.cx.compat);
                let wanted = type_name(param);
                // A pointer is followed once.
                name == wanted || object.kind() == GoType::Ptr && name.strip_prefix('*') == Some(wanted)
            }
            _ => false,
        }
    }
}

/// How many steps it takes to look at a value, beside the one of the call.
fn size(value: &Value) -> usize {
    match value {
        Value::Str(text) => text.len() / 16,
        Value::List(list) => list.len() / 2,
        Value::Map(map) => map.len() / 2,
        _ => 0,
    }
}

/// The parameter's type as Go prints it.
fn type_name(param: Param) -> &'static str {
    match param {
        Param::Any => "interface {}",
        Param::Str => "string",
        Param::Bool => "bool",
        Param::Int => "int",
        Param::Int64 => "int64",
        Param::Uint32 => "uint32",
        Param::Float64 => "float64",
        Param::AnyList => "[]interface {}",
        Param::StrList => "[]string",
        Param::IntList => "[]int",
        Param::FloatList => "[]float64",
        Param::AnyListList => "[][]interface {}",
        Param::Map => "map[string]interface {}",
        Param::StrMap => "map[string]string",
        Param::Time => "time.Time",
        Param::Duration => "time.Duration",
        Param::Certificate => "sprig.certificate",
        Param::Semver => "*semver.Version",
        Param::Reflect => "reflect.Value",
    }
}

/// The nil of a type, if it has one.
fn zero(param: Param) -> Option<Value> {
    Some(match param {
        Param::Any | Param::Reflect | Param::Semver => Value::Nil,
        Param::AnyList => Value::List(List::nil(Elem::Any)),
        Param::StrList => Value::List(List::nil(Elem::String)),
        Param::IntList => Value::List(List::nil(Elem::Int)),
        Param::FloatList => Value::List(List::nil(Elem::Float64)),
        Param::AnyListList => Value::List(List::nil(Elem::AnyList)),
        Param::Map => Value::Map(Map::nil(MapType::Any)),
        Param::StrMap => Value::Map(Map::nil(MapType::String)),
        Param::Str
        | Param::Bool
        | Param::Int
        | Param::Int64
        | Param::Uint32
        | Param::Float64
        | Param::Time
        | Param::Duration
        | Param::Certificate => return None,
    })
}
