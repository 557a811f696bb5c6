//! Go's `fmt` and the parts of `strconv` and `unicode` that show in what a
//! template prints: every verb, flag, width and precision over [`Value`].
//!
//! Does not know templates: who prints what, and when, is the evaluator's.

pub mod escape;
pub mod float;
pub mod parse;
mod print;
pub(crate) use print::list_bytes;
mod printf;
pub mod quote;
mod scalar;
pub mod unicode;
pub mod utf8;

use crate::compat::Compat;
use crate::func::FuncError;
use crate::limits;
use crate::value::Value;

use print::Printer;

/// `fmt.Sprint`: default formats, a space between two operands when neither
/// is a string.
///
/// # Errors
/// A value nested too deep, or a text beyond [`limits::MAX_TEXT_BYTES`].
pub fn sprint(args: &[Value], compat: Compat) -> Result<Vec<u8>, FuncError> {
    let mut out = Vec::new();
    let mut printer = Printer::new(&mut out, compat);
    let mut after_string = true;
    for arg in args {
        let string = matches!(arg, Value::Str(_));
        if !string && !after_string {
            printer.push(b" ");
        }
        printer.arg(arg, 'v');
        after_string = string;
    }
    printer.finish()?;
    Ok(out)
}

/// `fmt.Sprintln`: default formats, spaces between all, a newline.
///
/// # Errors
/// As [`sprint`].
pub fn sprintln(args: &[Value], compat: Compat) -> Result<Vec<u8>, FuncError> {
    let mut out = Vec::new();
    let mut printer = Printer::new(&mut out, compat);
    for (i, arg) in args.iter().enumerate() {
        if i > 0 {
            printer.push(b" ");
        }
        printer.arg(arg, 'v');
    }
    printer.push(b"\n");
    printer.finish()?;
    Ok(out)
}

/// `fmt.Sprintf`.
///
/// # Errors
/// As [`sprint`].
pub fn sprintf(format: &[u8], args: &[Value], compat: Compat) -> Result<Vec<u8>, FuncError> {
    let mut out = Vec::with_capacity(format.len() + 16);
    let mut printer = Printer::new(&mut out, compat);
    printf::print(&mut printer, format, args);
    printer.finish()?;
    Ok(out)
}

/// Appends what `{{ }}` shows for a value: its default format, but of a
/// pointer to a struct the struct.
///
/// # Errors
/// As [`sprint`].
pub fn append_action(out: &mut Vec<u8>, value: &Value, compat: Compat) -> Result<(), FuncError> {
    let Value::Object(_) = value else { return append_value(out, value, compat) };
    let mut printer = Printer::new(out, compat);
    printer.target(value);
    printer.finish()
}

/// Appends a value in its default format.
///
/// # Errors
/// As [`sprint`].
pub fn append_value(out: &mut Vec<u8>, value: &Value, compat: Compat) -> Result<(), FuncError> {
    match value {
        Value::Str(s) => {
            out.extend_from_slice(s.as_bytes());
            Ok(())
        }
        other => {
            let mut printer = Printer::new(out, compat);
            printer.arg(other, 'v');
            printer.finish()
        }
    }
}

/// The error of a text that would grow past the limit.
pub(crate) fn too_large() -> FuncError {
    FuncError::error(format!("result is larger than {} bytes", limits::MAX_TEXT_BYTES))
}
