//! Dates and durations: Sprig's functions and Helm 4's duration helpers.

use crate::func::{Cx, Func, FuncError, FuncResult, Param};
use crate::gofmt::parse::{NumError, parse_float, parse_int};
use crate::gofmt::{self, quote::quote_text, unicode};
use crate::gotime::{Duration, DurationObject, Time, TimeObject, Zone};
use crate::value::{Int, IntKind, Value};

const fn func(
    name: &'static str,
    params: &'static [Param],
    result: Param,
    call: fn(&Cx<'_>, &mut [Value]) -> FuncResult,
) -> Func {
    Func { name, params, variadic: false, result, call }
}

pub(crate) const FUNCS: &[Func] = &[
    func("ago", &[Param::Any], Param::Str, ago),
    func("date", &[Param::Str, Param::Any], Param::Str, |cx, args| {
        Ok(format_in(cx, layout(args, 0), args.get(1), b"Local"))
    }),
    func("dateInZone", &[Param::Str, Param::Any, Param::Str], Param::Str, date_in_zone),
    func("date_in_zone", &[Param::Str, Param::Any, Param::Str], Param::Str, date_in_zone),
    func("dateModify", &[Param::Str, Param::Time], Param::Time, date_modify),
    func("date_modify", &[Param::Str, Param::Time], Param::Time, date_modify),
    func("duration", &[Param::Any], Param::Str, duration),
    func("durationDays", &[Param::Any], Param::Float64, |_, args| Ok(float(args, |d| d.hours() / 24.0))),
    func("durationHours", &[Param::Any], Param::Float64, |_, args| Ok(float(args, Duration::hours))),
    func("durationMicroseconds", &[Param::Any], Param::Int64, |_, args| Ok(count(args, 1_000))),
    func("durationMilliseconds", &[Param::Any], Param::Int64, |_, args| Ok(count(args, 1_000_000))),
    func("durationMinutes", &[Param::Any], Param::Float64, |_, args| Ok(float(args, Duration::minutes))),
    func("durationNanoseconds", &[Param::Any], Param::Int64, |_, args| Ok(count(args, 1))),
    func("durationRound", &[Param::Any], Param::Str, duration_round),
    func("durationRoundTo", &[Param::Any, Param::Any], Param::Duration, |_, args| {
        Ok(to_multiple(args, Duration::round))
    }),
    func("durationSeconds", &[Param::Any], Param::Float64, |_, args| Ok(float(args, Duration::seconds))),
    func("durationTruncateTo", &[Param::Any, Param::Any], Param::Duration, |_, args| {
        Ok(to_multiple(args, Duration::truncate))
    }),
    func("durationWeeks", &[Param::Any], Param::Float64, |_, args| Ok(float(args, |d| d.hours() / 24.0 / 7.0))),
    func("htmlDate", &[Param::Any], Param::Str, |cx, args| Ok(format_in(cx, HTML_DATE, args.first(), b"Local"))),
    func("htmlDateInZone", &[Param::Any, Param::Str], Param::Str, |cx, args| {
        Ok(format_in(cx, HTML_DATE, args.first(), layout(args, 1)))
    }),
    func("mustDateModify", &[Param::Str, Param::Time], Param::Time, must_date_modify),
    func("must_date_modify", &[Param::Str, Param::Time], Param::Time, must_date_modify),
    func("mustToDate", &[Param::Str, Param::Str], Param::Time, |_, args| {
        Time::parse(layout(args, 0), layout(args, 1)).map(TimeObject::value).map_err(FuncError::Error)
    }),
    func("mustToDuration", &[Param::Any], Param::Duration, |cx, args| {
        let value = args.first().unwrap_or(&Value::Nil);
        as_duration(value).map(DurationObject::value).map_err(|e| FuncError::Panic(e.text(value, cx)))
    }),
    func("now", &[], Param::Time, |cx, _| Ok(TimeObject::value(now(cx)))),
    func("toDate", &[Param::Str, Param::Str], Param::Time, |_, args| {
        let time = Time::parse(layout(args, 0), layout(args, 1));
        Ok(TimeObject::value(time.unwrap_or_else(|_| Time::zero())))
    }),
    func("unixEpoch", &[Param::Time], Param::Str, |_, args| {
        Ok(Value::str(time_argument(args, 0).unix_seconds().to_string()))
    }),
];

const HTML_DATE: &[u8] = b"2006-01-02";

fn layout(args: &[Value], index: usize) -> &[u8] {
    args.get(index).and_then(Value::as_bytes).unwrap_or_default()
}

fn now(cx: &Cx<'_>) -> Time {
    Time::from_unix_nanos(cx.host.now_unix_nanos())
}

/// A checked `time.Time` argument.
fn time_argument(args: &[Value], index: usize) -> Time {
    args.get(index).and_then(TimeObject::get).cloned().unwrap_or_else(Time::zero)
}

/// A time, or seconds since the epoch in one of `kinds`.
fn time_of(value: Option<&Value>, kinds: &[IntKind]) -> Option<Time> {
    match value? {
        Value::Int(Int { value, kind }) if kinds.contains(kind) => Some(Time::unix(*value, 0)),
        value => TimeObject::get(value).cloned(),
    }
}

/// Whatever is no date stands for the present.
fn format_in(cx: &Cx<'_>, layout: &[u8], date: Option<&Value>, zone: &[u8]) -> Value {
    let time = time_of(date, &[IntKind::Int64, IntKind::Int, IntKind::Int32]).unwrap_or_else(|| now(cx));
    let zone = Zone::load(zone).unwrap_or(Zone::Utc);
    Value::str(time.in_zone(zone).format(layout))
}

fn date_in_zone(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    Ok(format_in(cx, layout(args, 0), args.get(1), layout(args, 2)))
}

fn date_modify(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let time = time_argument(args, 1);
    Ok(TimeObject::value(match Duration::parse(layout(args, 0)) {
        Ok(d) => time.add(d),
        Err(_) => time,
    }))
}

fn must_date_modify(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let d = Duration::parse(layout(args, 0)).map_err(FuncError::Error)?;
    Ok(TimeObject::value(time_argument(args, 1).add(d)))
}

fn ago(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let now = now(cx);
    let then = time_of(args.first(), &[IntKind::Int64, IntKind::Int]).unwrap_or_else(|| now.clone());
    Ok(Value::str(now.sub(&then).round(Duration::SECOND).to_string()))
}

fn duration(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let seconds = match args.first() {
        Some(Value::Str(text)) => saturating_int(text.as_bytes()),
        Some(Value::Int(Int { value, kind: IntKind::Int64 })) => *value,
        _ => 0,
    };
    Ok(Value::str(Duration::from_nanos(seconds.wrapping_mul(1_000_000_000)).to_string()))
}

/// Go's `ParseInt` gives the nearest number beside a range error.
fn saturating_int(text: &[u8]) -> i64 {
    match parse_int(text, 10, 64) {
        Ok(n) => n,
        Err(NumError::Range) if text.starts_with(b"-") => i64::MIN,
        Err(NumError::Range) => i64::MAX,
        Err(NumError::Syntax) => 0,
    }
}

fn duration_round(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let d = match args.first() {
        Some(Value::Str(text)) => Duration::parse(text).unwrap_or_default(),
        Some(Value::Int(Int { value, kind: IntKind::Int64 })) => Duration::from_nanos(*value),
        Some(value) => TimeObject::get(value).map(|then| now(cx).sub(then)).unwrap_or_default(),
        None => Duration::default(),
    };
    const SECOND: u64 = 1_000_000_000;
    const HOUR: u64 = 3_600 * SECOND;
    let size = d.nanos().unsigned_abs();
    for (unit, name) in [
        (365 * 24 * HOUR, "y"),
        (30 * 24 * HOUR, "mo"),
        (24 * HOUR, "d"),
        (HOUR, "h"),
        (60 * SECOND, "m"),
        (SECOND, "s"),
    ] {
        if size > unit {
            return Ok(Value::str(format!("{}{name}", size / unit)));
        }
    }
    Ok(Value::str("0s"))
}

/// Why a value is no duration for Helm's helpers.
enum NoDuration {
    Empty,
    Nil,
    Text,
    Type,
    SecondsOverflow(String),
    Invalid(f64),
    FloatOverflow(f64),
}

impl NoDuration {
    fn text(&self, value: &Value, cx: &Cx<'_>) -> String {
        let number = |f: &f64| {
            let mut out = Vec::new();
            gofmt::float::append_general(&mut out, *f);
            String::from_utf8_lossy(&out).into_owned()
        };
        match self {
            NoDuration::Empty => "empty duration".into(),
            NoDuration::Nil => "invalid duration".into(),
            NoDuration::Text => {
                let text = value.as_bytes().unwrap_or_default();
                format!("could not parse duration {}", quote_text(text, cx.compat))
            }
            NoDuration::Type => format!("unsupported duration type {}", value.type_name(cx.compat)),
            NoDuration::SecondsOverflow(seconds) => format!("duration seconds overflow: {seconds}"),
            NoDuration::Invalid(f) => format!("invalid duration seconds: {}", number(f)),
            NoDuration::FloatOverflow(f) => format!("duration seconds overflow: {}", number(f)),
        }
    }
}

/// A duration, its text, or a number of seconds.
fn as_duration(value: &Value) -> Result<Duration, NoDuration> {
    match value {
        Value::Str(text) => {
            let text = trim_space(text.as_bytes());
            if text.is_empty() {
                return Err(NoDuration::Empty);
            }
            match (Duration::parse(text), parse_float(text)) {
                (Ok(d), _) => Ok(d),
                (_, Ok(seconds)) => from_seconds(seconds),
                _ => Err(NoDuration::Text),
            }
        }
        Value::Nil => Err(NoDuration::Nil),
        Value::Int(int) => from_whole_seconds(*int),
        Value::Float(seconds) => from_seconds(*seconds),
        Value::Object(object) => match (DurationObject::get(value), object.underlying()) {
            (Some(d), _) => Ok(d),
            (None, Some(Value::Int(int))) => from_whole_seconds(int),
            _ => Err(NoDuration::Type),
        },
        _ => Err(NoDuration::Type),
    }
}

fn from_whole_seconds(int: Int) -> Result<Duration, NoDuration> {
    const MAX: i64 = i64::MAX / 1_000_000_000;
    let overflow = |text: String| Err(NoDuration::SecondsOverflow(text));
    match int {
        Int { kind, .. } if kind.is_unsigned() && int.as_u64() > MAX as u64 => overflow(int.as_u64().to_string()),
        Int { value, .. } if !(-MAX..=MAX).contains(&value) => overflow(value.to_string()),
        Int { value, .. } => Ok(Duration::from_nanos(value * 1_000_000_000)),
    }
}

fn from_seconds(seconds: f64) -> Result<Duration, NoDuration> {
    const LIMIT: f64 = i64::MAX as f64 / 1e9;
    if !seconds.is_finite() {
        return Err(NoDuration::Invalid(seconds));
    }
    if seconds.abs() > LIMIT {
        return Err(NoDuration::FloatOverflow(seconds));
    }
    // 2^63 itself passes the test above; the processor makes it the least.
    let nanos = seconds * 1e9;
    Ok(Duration::from_nanos(if nanos >= i64::MAX as f64 { i64::MIN } else { nanos as i64 }))
}

/// `strings.TrimSpace`.
fn trim_space(text: &[u8]) -> &[u8] {
    let mut text = text;
    while let (c, size @ 1..) = gofmt::utf8::decode(text)
        && unicode::is_space(c)
    {
        text = &text[size..];
    }
    while let (c, size @ 1..) = gofmt::utf8::decode_last(text)
        && unicode::is_space(c)
    {
        text = &text[..text.len() - size];
    }
    text
}

fn duration_argument(args: &[Value], index: usize) -> Option<Duration> {
    as_duration(args.get(index).unwrap_or(&Value::Nil)).ok()
}

fn float(args: &[Value], of: impl Fn(Duration) -> f64) -> Value {
    Value::Float(duration_argument(args, 0).map(of).unwrap_or(0.0))
}

fn count(args: &[Value], unit: i64) -> Value {
    Value::int64(duration_argument(args, 0).map(|d| d.nanos() / unit).unwrap_or(0))
}

/// Without a multiple the duration stays as it is.
fn to_multiple(args: &[Value], round: impl Fn(Duration, Duration) -> Duration) -> Value {
    let d = duration_argument(args, 0);
    DurationObject::value(match (d, duration_argument(args, 1)) {
        (Some(d), Some(multiple)) => round(d, multiple),
        (Some(d), None) => d,
        (None, _) => Duration::default(),
    })
}
