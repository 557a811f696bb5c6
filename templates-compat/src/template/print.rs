//! Trees back to text, as error messages quote them.

use super::ast::{Arg, Command, Invoke, Pipe, Source, Variable};
use crate::compat::Compat;
use crate::gofmt::quote;
use crate::value::Str;

/// Writes parts of one source's trees.
pub(super) struct Printer<'t> {
    pub(super) source: &'t Source,
    pub(super) compat: Compat,
    pub(super) out: Vec<u8>,
}

impl Printer<'_> {
    pub(super) fn invoke(&mut self, invoke: &Invoke) {
        self.out.extend_from_slice(b"{{template ");
        quote::append_quoted(&mut self.out, &invoke.name, false, self.compat);
        if let Some(pipe) = &invoke.pipe {
            self.out.push(b' ');
            self.pipe(pipe);
        }
        self.out.extend_from_slice(b"}}");
    }

    pub(super) fn pipe(&mut self, pipe: &Pipe) {
        for (i, variable) in pipe.decl.iter().enumerate() {
            if i > 0 {
                self.out.extend_from_slice(b", ");
            }
            self.variable(variable);
        }
        if !pipe.decl.is_empty() {
            self.out.extend_from_slice(if pipe.is_assign { b" = " } else { b" := " });
        }
        for (i, command) in pipe.cmds.iter().enumerate() {
            if i > 0 {
                self.out.extend_from_slice(b" | ");
            }
            self.command(command);
        }
    }

    pub(super) fn command(&mut self, command: &Command) {
        self.operand(&command.first);
        for arg in &command.rest {
            self.out.push(b' ');
            self.operand(arg);
        }
    }

    /// An argument of a command: a pipeline stands in parentheses.
    fn operand(&mut self, arg: &Arg) {
        if let Arg::Pipe(pipe) = arg {
            self.out.push(b'(');
            self.pipe(pipe);
            self.out.push(b')');
        } else {
            self.arg(arg);
        }
    }

    /// An argument by itself: a pipeline stands bare.
    pub(super) fn arg(&mut self, arg: &Arg) {
        match arg {
            Arg::Bool(_, value) => self.out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Arg::Dot(_) => self.out.push(b'.'),
            Arg::Nil(_) => self.out.extend_from_slice(b"nil"),
            Arg::Number(number) => self.out.extend_from_slice(self.source.slice(number.text)),
            Arg::Str(text) => self.out.extend_from_slice(self.source.slice(text.quoted)),
            Arg::Field(field) => self.fields(&field.idents),
            Arg::Variable(variable) => self.variable(variable),
            Arg::Chain(chain) => {
                self.operand(&chain.node);
                self.fields(&chain.fields);
            }
            Arg::Ident(ident) => self.out.extend_from_slice(ident.func.name.as_bytes()),
            Arg::Pipe(pipe) => self.pipe(pipe),
        }
    }

    fn variable(&mut self, variable: &Variable) {
        self.out.extend_from_slice(&variable.name);
        self.fields(&variable.fields);
    }

    fn fields(&mut self, fields: &[Str]) {
        for field in fields {
            self.out.push(b'.');
            self.out.extend_from_slice(field);
        }
    }
}
