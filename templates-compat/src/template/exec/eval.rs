//! Evaluating pipelines, commands and chains of fields.

use super::methods::Callee;
use super::val::Val;
use super::{Exec, Frame, NodeRef, State};
use crate::gofmt::quote;
use crate::template::ast::{Arg, Chain, Command, Ident, Pipe, Variable};
use crate::value::{GoType, MapType, Str, Value};

impl<'e> State<'e> {
    /// The value of a pipeline; its variables are set.
    pub(super) fn eval_pipeline<'t>(&mut self, frame: &mut Frame<'t>, dot: &Val, pipe: &'t Pipe) -> Exec<Val> {
        frame.node = NodeRef::Pipe(pipe);
        let mut last: Option<Val> = None;
        for command in &pipe.cmds {
            let val = self.eval_command(frame, dot, command, last.take())?;
            // What it was held as ends with the command.
            last = Some(Val { iface: false, ..val });
        }
        let val = last.unwrap_or_default();
        for variable in &pipe.decl {
            if pipe.is_assign {
                self.set_var(frame, variable.symbol, &variable.name, val.clone())?;
            } else {
                self.vars.push((variable.symbol, val.clone()));
            }
        }
        Ok(val)
    }

    fn eval_command<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Val,
        command: &'t Command,
        last: Option<Val>,
    ) -> Exec<Val> {
        let first = &command.first;
        let args = command.rest.as_slice();
        match first {
            Arg::Field(field) => {
                frame.node = NodeRef::Arg(first);
                self.eval_fields(frame, dot, dot, first, &field.idents, args, last)
            }
            Arg::Chain(chain) => self.eval_chain(frame, dot, first, chain, args, last),
            Arg::Ident(ident) => {
                frame.node = NodeRef::Arg(first);
                self.eval_function(frame, dot, ident, NodeRef::Command(command), args, last)
            }
            Arg::Pipe(pipe) => {
                self.not_a_function(frame, first, args, &last)?;
                self.with_room(frame, |state, frame| state.eval_pipeline(frame, dot, pipe))
            }
            Arg::Variable(variable) => self.eval_variable(frame, dot, first, variable, args, last),
            _ => {
                frame.node = NodeRef::Arg(first);
                self.not_a_function(frame, first, args, &last)?;
                if matches!(first, Arg::Nil(_)) {
                    return Err(self.error(frame, "nil is not a command"));
                }
                self.constant(frame, dot, first)
            }
        }
    }

    fn not_a_function<'t>(&self, frame: &Frame<'t>, first: &'t Arg, args: &'t [Arg], last: &Option<Val>) -> Exec<()> {
        if args.is_empty() && last.is_none() {
            return Ok(());
        }
        let shown = self.node_text(frame, first);
        Err(self.error(frame, format!("can't give argument to non-function {shown}")))
    }

    /// A constant or dot where no type is asked for.
    pub(super) fn constant<'t>(&mut self, frame: &mut Frame<'t>, dot: &Val, arg: &'t Arg) -> Exec<Val> {
        match arg {
            Arg::Bool(_, value) => Ok(Val::concrete(Value::Bool(*value))),
            Arg::Dot(_) => Ok(dot.clone()),
            Arg::Str(text) => Ok(Val::concrete(text.value.clone())),
            Arg::Number(number) => match &number.ideal {
                Some(value) => Ok(Val::concrete(value.clone())),
                None => {
                    frame.node = NodeRef::Arg(arg);
                    let shown = self.node_text(frame, arg);
                    Err(self.error(frame, format!("{shown} overflows int")))
                }
            },
            _ => Ok(Val::INVALID),
        }
    }

    pub(super) fn eval_function<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Val,
        ident: &'t Ident,
        node: NodeRef<'t>,
        args: &'t [Arg],
        last: Option<Val>,
    ) -> Exec<Val> {
        self.eval_call(frame, dot, &Callee::Func(ident.func, ident.special), node, args, last)
    }

    pub(super) fn eval_chain<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Val,
        arg: &'t Arg,
        chain: &'t Chain,
        args: &'t [Arg],
        last: Option<Val>,
    ) -> Exec<Val> {
        frame.node = NodeRef::Arg(arg);
        if matches!(chain.node, Arg::Nil(_)) {
            let shown = self.node_text(frame, arg);
            return Err(self.error(frame, format!("indirection through explicit nil in {shown}")));
        }
        let receiver = self.eval_chain_head(frame, dot, &chain.node)?;
        self.eval_fields(frame, dot, &receiver, arg, &chain.fields, args, last)
    }

    /// What stands before the fields of a chain.
    fn eval_chain_head<'t>(&mut self, frame: &mut Frame<'t>, dot: &Val, node: &'t Arg) -> Exec<Val> {
        frame.node = NodeRef::Arg(node);
        match node {
            Arg::Pipe(pipe) => self.with_room(frame, |state, frame| state.eval_pipeline(frame, dot, pipe)),
            Arg::Ident(ident) => self.eval_function(frame, dot, ident, NodeRef::Arg(node), &[], None),
            other => self.constant(frame, dot, other),
        }
    }

    pub(super) fn eval_variable<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Val,
        arg: &'t Arg,
        variable: &'t Variable,
        args: &'t [Arg],
        last: Option<Val>,
    ) -> Exec<Val> {
        frame.node = NodeRef::Arg(arg);
        let vars = self.vars.get(frame.base..).unwrap_or_default();
        let Some((_, val)) = vars.iter().rev().find(|v| v.0 == variable.symbol) else {
            return Err(self.error(frame, format!("undefined variable: {}", variable.name)));
        };
        let val = val.clone();
        if variable.fields.is_empty() {
            self.not_a_function_variable(frame, arg, args, &last)?;
            return Ok(val);
        }
        self.eval_fields(frame, dot, &val, arg, &variable.fields, args, last)
    }

    fn not_a_function_variable<'t>(
        &self,
        frame: &Frame<'t>,
        arg: &'t Arg,
        args: &'t [Arg],
        last: &Option<Val>,
    ) -> Exec<()> {
        self.not_a_function(frame, arg, args, last)
    }

    /// `.A.B.C` of a receiver; the last name may be a method with arguments.
    #[allow(clippy::too_many_arguments)] // Go's own parameters.
    pub(super) fn eval_fields<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Val,
        receiver: &Val,
        node: &'t Arg,
        idents: &'t [Str],
        args: &'t [Arg],
        last: Option<Val>,
    ) -> Exec<Val> {
        // The usual case: maps all the way down.
        if let Value::Map(map) = &receiver.value
            && args.is_empty()
            && last.is_none()
            && let Some((value, map_type)) = map.get_path(idents)
        {
            return Ok(Val::entry(map_type, value));
        }
        let Some((name, before)) = idents.split_last() else {
            return Ok(receiver.clone());
        };
        let mut inner: Option<Val> = None;
        for name in before {
            inner = Some(self.eval_field(frame, dot, inner.as_ref().unwrap_or(receiver), node, name, &[], None)?);
        }
        self.eval_field(frame, dot, inner.as_ref().unwrap_or(receiver), node, name, args, last)
    }

    #[allow(clippy::too_many_arguments)] // Go's own parameters.
    fn eval_field<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Val,
        receiver: &Val,
        node: &'t Arg,
        name: &Str,
        args: &'t [Arg],
        last: Option<Val>,
    ) -> Exec<Val> {
        if receiver.is_invalid() {
            if self.set.options.strict {
                let quoted = quote::quote_text(name, self.cx.compat);
                return Err(self.error(frame, format!("nil data; no entry for key {quoted}")));
            }
            return Ok(Val::INVALID);
        }
        if receiver.value.is_nil() {
            return Err(self.error(frame, format!("nil pointer evaluating interface {{}}.{name}")));
        }
        if let Some(method) = Callee::method(&receiver.value, name) {
            return self.eval_call(frame, dot, &method, NodeRef::Arg(node), args, last);
        }
        let has_args = !args.is_empty() || last.is_some();
        let not_a_method = || format!("{name} is not a method but has arguments");
        match &receiver.value {
            Value::Map(map) => {
                if has_args {
                    return Err(self.error(frame, not_a_method()));
                }
                match map.get(name) {
                    Some(value) => return Ok(Val::entry(map.map_type(), value)),
                    None => self.check_missing(frame, name)?,
                }
                return Ok(match map.map_type() {
                    MapType::String => Val::concrete(Value::Str(Str::default())),
                    _ => Val::iface(Value::Nil),
                });
            }
            Value::Object(object) if object.kind() == GoType::Map => {
                if has_args {
                    return Err(self.error(frame, not_a_method()));
                }
                match object.map_get(name) {
                    Some(value) => return Ok(Val::concrete(value)),
                    None => self.check_missing(frame, name)?,
                }
                return Ok(Val::concrete(object.map_zero()));
            }
            Value::Object(object) => {
                if let Some(value) = object.field(name) {
                    if has_args {
                        return Err(
                            self.error(frame, format!("{name} has arguments but cannot be invoked as function"))
                        );
                    }
                    return Ok(Val::field(value, object.kind() == GoType::Ptr));
                }
            }
            _ => {}
        }
        let type_name = self.static_type(receiver);
        Err(self.error(frame, format!("can't evaluate field {name} in type {type_name}")))
    }

    fn check_missing(&self, frame: &Frame<'_>, name: &Str) -> Exec<()> {
        if self.set.options.strict {
            let quoted = quote::quote_text(name, self.cx.compat);
            return Err(self.error(frame, format!("map has no entry for key {quoted}")));
        }
        Ok(())
    }

    /// The type that Go's reflection has for a held value.
    pub(super) fn static_type(&self, val: &Val) -> std::borrow::Cow<'static, str> {
        if val.iface { "interface {}".into() } else { val.value.type_name(self.cx.compat) }
    }

    /// A node as error messages quote it.
    pub(super) fn node_text(&self, frame: &Frame<'_>, arg: &Arg) -> String {
        let mut printer =
            crate::template::print::Printer { source: &frame.tree.source, compat: self.cx.compat, out: Vec::new() };
        printer.arg(arg);
        String::from_utf8_lossy(&printer.out).into_owned()
    }
}
