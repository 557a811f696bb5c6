//! `time.Time`, `time.Duration`, `time.Month`, `time.Weekday` and
//! `*time.Location` as templates see them: kinds, texts and methods.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use super::{Duration, MONTHS, Time, WEEKDAYS, Zone};
use crate::compat::Compat;
use crate::func::{Cx, FuncError, FuncResult, Param};
use crate::value::{Elem, GoType, Int, IntKind, List, Method, Object, Value};

/// A `time.Time` in a template.
#[derive(Debug, Clone)]
pub struct TimeObject(pub Time);

/// A `time.Duration` in a template.
#[derive(Debug, Clone, Copy)]
pub struct DurationObject(pub Duration);

/// A `time.Month` (1 to 12).
#[derive(Debug, Clone, Copy)]
struct MonthObject(u32);

/// A `time.Weekday` (0 is Sunday).
#[derive(Debug, Clone, Copy)]
struct WeekdayObject(u32);

/// A `*time.Location`.
#[derive(Debug, Clone)]
struct LocationObject(Zone);

/// The nil `*time.Location` that a time in UTC holds.
#[derive(Debug, Clone, Copy)]
struct NoLocation;

impl TimeObject {
    /// The value.
    pub fn value(time: Time) -> Value {
        Value::Object(Arc::new(TimeObject(time)))
    }

    /// The time in a value, if it is one.
    pub fn get(value: &Value) -> Option<&Time> {
        downcast::<TimeObject>(value).map(|object| &object.0)
    }
}

impl DurationObject {
    /// The value.
    pub fn value(duration: Duration) -> Value {
        Value::Object(Arc::new(DurationObject(duration)))
    }

    /// The duration in a value, if it is one.
    pub fn get(value: &Value) -> Option<Duration> {
        downcast::<DurationObject>(value).map(|object| object.0)
    }
}

fn downcast<T: Any>(value: &Value) -> Option<&T> {
    match value {
        Value::Object(object) => object.as_any().downcast_ref(),
        _ => None,
    }
}

impl Object for TimeObject {
    fn type_name(&self, _: Compat) -> Cow<'static, str> {
        Cow::Borrowed("time.Time")
    }

    fn kind(&self) -> GoType {
        GoType::Struct
    }

    fn method(&self, name: &[u8]) -> Option<Method> {
        time_number_method(name).or_else(|| time_method(name))
    }

    /// A clock's reading, seconds since the year 1, and the zone.
    fn printed_fields(&self) -> Vec<(&'static str, Value)> {
        let wall = Int { value: self.0.nanosecond().into(), kind: IntKind::Uint64 };
        let location = match self.0.zone() {
            Zone::Utc => object(NoLocation),
            zone => object(LocationObject(zone.clone())),
        };
        vec![("wall", Value::Int(wall)), ("ext", Value::int64(self.0.internal_seconds())), ("loc", location)]
    }

    fn to_go_string(&self) -> Option<String> {
        Some(self.0.to_go_string())
    }

    fn to_go_syntax(&self) -> Option<String> {
        Some(self.0.to_go_syntax())
    }

    fn to_json_value(&self) -> Option<Value> {
        self.0.to_rfc3339_nano().ok().map(Value::str)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for DurationObject {
    fn type_name(&self, _: Compat) -> Cow<'static, str> {
        Cow::Borrowed("time.Duration")
    }

    fn kind(&self) -> GoType {
        GoType::Int(IntKind::Int64)
    }

    fn method(&self, name: &[u8]) -> Option<Method> {
        duration_method(name)
    }

    fn to_go_string(&self) -> Option<String> {
        Some(self.0.to_string())
    }

    fn to_json_value(&self) -> Option<Value> {
        Some(Value::int64(self.0.nanos()))
    }

    fn underlying(&self) -> Option<Value> {
        Some(Value::int64(self.0.nanos()))
    }

    fn truth(&self) -> bool {
        self.0.nanos() != 0
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for MonthObject {
    fn type_name(&self, _: Compat) -> Cow<'static, str> {
        Cow::Borrowed("time.Month")
    }

    fn kind(&self) -> GoType {
        GoType::Int(IntKind::Int)
    }

    fn method(&self, name: &[u8]) -> Option<Method> {
        string_method(name)
    }

    fn to_go_string(&self) -> Option<String> {
        (self.0 as usize).checked_sub(1).and_then(|at| MONTHS.get(at)).map(ToString::to_string)
    }

    fn to_json_value(&self) -> Option<Value> {
        self.underlying()
    }

    fn underlying(&self) -> Option<Value> {
        Some(Value::int(self.0.into()))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for WeekdayObject {
    fn type_name(&self, _: Compat) -> Cow<'static, str> {
        Cow::Borrowed("time.Weekday")
    }

    fn kind(&self) -> GoType {
        GoType::Int(IntKind::Int)
    }

    fn method(&self, name: &[u8]) -> Option<Method> {
        string_method(name)
    }

    fn to_go_string(&self) -> Option<String> {
        WEEKDAYS.get(self.0 as usize).map(ToString::to_string)
    }

    fn to_json_value(&self) -> Option<Value> {
        self.underlying()
    }

    fn underlying(&self) -> Option<Value> {
        Some(Value::int(self.0.into()))
    }

    fn truth(&self) -> bool {
        self.0 != 0
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for LocationObject {
    fn type_name(&self, _: Compat) -> Cow<'static, str> {
        Cow::Borrowed("*time.Location")
    }

    /// What a wrong verb shows of the zone. Those of the database have a
    /// memory of the present in them, so only their name is told.
    fn printed_fields(&self) -> Vec<(&'static str, Value)> {
        let (name, offset, extend) = match &self.0 {
            Zone::Local => ("UTC", 0, "UTC0"),
            Zone::Fixed { name, offset } => (&**name, *offset, ""),
            Zone::Utc | Zone::Iana(_) => return vec![("name", Value::str(self.0.name()))],
        };
        let (zones, changes, cached) = LocationObject::only(name, offset);
        vec![
            ("name", Value::str(self.0.name())),
            ("zone", zones),
            ("tx", changes),
            ("extend", Value::str(extend)),
            ("cacheStart", Value::int64(i64::MIN)),
            ("cacheEnd", Value::int64(i64::MAX)),
            ("cacheZone", cached),
        ]
    }

    fn method(&self, name: &[u8]) -> Option<Method> {
        string_method(name)
    }

    fn to_go_string(&self) -> Option<String> {
        Some(self.0.name().to_string())
    }

    fn deep_copy(&self) -> Option<Value> {
        Some(object(LocationObject(Zone::Fixed { name: "".into(), offset: 0 })))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A struct of the zone's that has no methods.
#[derive(Debug, Clone)]
struct Part(&'static str, Vec<(&'static str, Value)>);

impl LocationObject {
    /// Zone `name` from the beginning of time on.
    fn only(name: &str, offset: i64) -> (Value, Value, Value) {
        let zone = vec![("name", Value::str(name)), ("offset", Value::int(offset)), ("isDST", Value::Bool(false))];
        let change = vec![
            ("when", Value::int64(i64::MIN)),
            ("index", Value::Int(Int { value: 0, kind: IntKind::Uint8 })),
            ("isstd", Value::Bool(false)),
            ("isutc", Value::Bool(false)),
        ];
        let one = |part: Part| Value::list(vec![object(part)]);
        (one(Part("time.zone", zone.clone())), one(Part("time.zoneTrans", change)), object(Part("*time.zone", zone)))
    }
}

impl Object for Part {
    fn type_name(&self, _: Compat) -> Cow<'static, str> {
        Cow::Borrowed(self.0)
    }

    fn kind(&self) -> GoType {
        if self.0.starts_with('*') { GoType::Ptr } else { GoType::Struct }
    }

    fn printed_fields(&self) -> Vec<(&'static str, Value)> {
        self.1.clone()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for NoLocation {
    fn type_name(&self, _: Compat) -> Cow<'static, str> {
        Cow::Borrowed("*time.Location")
    }

    fn is_nil(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A method whose body gets the receiver's data.
macro_rules! method {
    ($object:ident, [$($param:expr),*], $result:expr, $body:expr) => {
        Method {
            params: &[$($param),*],
            variadic: false,
            result: $result,
            call: |_, receiver, args| match receiver.as_any().downcast_ref::<$object>() {
                Some(object) => {
                    let body: fn(&$object, &[Value]) -> FuncResult = $body;
                    body(object, args)
                }
                None => Err(wrong_receiver()),
            },
        }
    };
}

fn wrong_receiver() -> FuncError {
    FuncError::panic("runtime error: invalid memory address or nil pointer dereference")
}

/// `String()`, of whatever prints by itself.
fn string_method(name: &[u8]) -> Option<Method> {
    let call = |_: &Cx<'_>, receiver: &dyn Object, _: &mut [Value]| {
        Ok(Value::str(receiver.to_go_string().unwrap_or_default()))
    };
    (name == b"String").then_some(Method { params: &[], variadic: false, result: Param::Str, call })
}

/// The methods that give one number or one bit.
fn time_number_method(name: &[u8]) -> Option<Method> {
    macro_rules! int {
        ($of:expr) => {
            method!(TimeObject, [], Param::Int, |t, _| {
                let of: fn(&Time) -> i64 = $of;
                Ok(Value::int(of(&t.0)))
            })
        };
    }
    macro_rules! int64 {
        ($of:expr) => {
            method!(TimeObject, [], Param::Int64, |t, _| {
                let of: fn(&Time) -> i64 = $of;
                Ok(Value::int64(of(&t.0)))
            })
        };
    }
    Some(match name {
        b"Year" => int!(|t| t.civil().year),
        b"Day" => int!(|t| t.civil().day.into()),
        b"Hour" => int!(|t| t.civil().hour.into()),
        b"Minute" => int!(|t| t.civil().minute.into()),
        b"Second" => int!(|t| t.civil().second.into()),
        b"Nanosecond" => int!(|t| t.nanosecond().into()),
        b"YearDay" => int!(|t| t.civil().year_day.into()),
        b"Unix" => int64!(Time::unix_seconds),
        b"UnixNano" => int64!(Time::unix_nanos),
        b"UnixMicro" => int64!(|t| scaled(t, 1_000_000)),
        b"UnixMilli" => int64!(|t| scaled(t, 1_000)),
        b"IsZero" => method!(TimeObject, [], Param::Bool, |t, _| Ok(Value::Bool(t.0.is_zero()))),
        b"IsDST" => method!(TimeObject, [], Param::Bool, |t, _| {
            Ok(Value::Bool(t.0.zone().lookup(t.0.unix_seconds()).is_dst))
        }),
        _ => return None,
    })
}

/// Units since the epoch, `per_second` of them in a second.
fn scaled(t: &Time, per_second: i64) -> i64 {
    let within = i64::from(t.nanosecond()) / (1_000_000_000 / per_second);
    t.unix_seconds().wrapping_mul(per_second).wrapping_add(within)
}

fn time_method(name: &[u8]) -> Option<Method> {
    macro_rules! compare {
        ($test:expr) => {
            method!(TimeObject, [Param::Time], Param::Bool, |t, args| {
                let test: fn(std::cmp::Ordering) -> bool = $test;
                Ok(Value::Bool(test(t.0.compare(&time(args, 0)?))))
            })
        };
    }
    Some(match name {
        b"String" => return string_method(name),
        b"Month" => method!(TimeObject, [], Param::Int, |t, _| Ok(object(MonthObject(t.0.civil().month)))),
        b"Weekday" => method!(TimeObject, [], Param::Int, |t, _| Ok(object(WeekdayObject(t.0.civil().weekday)))),
        b"UTC" => method!(TimeObject, [], Param::Time, |t, _| Ok(TimeObject::value(t.0.clone().in_zone(Zone::Utc)))),
        b"Local" => {
            method!(TimeObject, [], Param::Time, |t, _| Ok(TimeObject::value(t.0.clone().in_zone(Zone::Local))))
        }
        b"Location" => {
            method!(TimeObject, [], Param::Any, |t, _| Ok(object(LocationObject(t.0.zone().clone()))))
        }
        b"In" => method!(TimeObject, [Param::Any], Param::Time, |t, args| {
            match args.first().and_then(downcast::<LocationObject>) {
                Some(location) => Ok(TimeObject::value(t.0.clone().in_zone(location.0.clone()))),
                None => Err(FuncError::panic("time: missing Location in call to Time.In")),
            }
        }),
        b"Format" => method!(TimeObject, [Param::Str], Param::Str, |t, args| {
            let layout = args.first().and_then(Value::as_bytes).unwrap_or_default();
            Ok(Value::str(t.0.format(layout)))
        }),
        b"GoString" => method!(TimeObject, [], Param::Str, |t, _| Ok(Value::str(go_string(&t.0)))),
        b"MarshalJSON" => method!(TimeObject, [], Param::Any, |t, _| match t.0.to_rfc3339_nano() {
            Ok(text) => Ok(byte_list(&format!("\"{text}\""))),
            Err(e) => Err(FuncError::error(format!("Time.MarshalJSON: {e}"))),
        }),
        b"MarshalText" => method!(TimeObject, [], Param::Any, |t, _| match t.0.to_rfc3339_nano() {
            Ok(text) => Ok(byte_list(&text)),
            Err(e) => Err(FuncError::error(format!("Time.MarshalText: {e}"))),
        }),
        b"Add" => method!(TimeObject, [Param::Duration], Param::Time, |t, args| {
            Ok(TimeObject::value(t.0.add(duration(args, 0)?)))
        }),
        b"Sub" => method!(TimeObject, [Param::Time], Param::Duration, |t, args| {
            Ok(DurationObject::value(t.0.sub(&time(args, 0)?)))
        }),
        b"AddDate" => method!(TimeObject, [Param::Int, Param::Int, Param::Int], Param::Time, |t, args| {
            Ok(TimeObject::value(t.0.add_date(int(args, 0), int(args, 1), int(args, 2))))
        }),
        b"Truncate" => method!(TimeObject, [Param::Duration], Param::Time, |t, args| {
            Ok(TimeObject::value(t.0.truncate(duration(args, 0)?)))
        }),
        b"Round" => method!(TimeObject, [Param::Duration], Param::Time, |t, args| {
            Ok(TimeObject::value(t.0.round(duration(args, 0)?)))
        }),
        b"After" => compare!(std::cmp::Ordering::is_gt),
        b"Before" => compare!(std::cmp::Ordering::is_lt),
        b"Equal" => compare!(std::cmp::Ordering::is_eq),
        b"Compare" => method!(TimeObject, [Param::Time], Param::Int, |t, args| {
            Ok(Value::int(t.0.compare(&time(args, 0)?) as i64))
        }),
        _ => return None,
    })
}

fn duration_method(name: &[u8]) -> Option<Method> {
    macro_rules! float {
        ($of:expr) => {
            method!(DurationObject, [], Param::Float64, |d, _| {
                let of: fn(Duration) -> f64 = $of;
                Ok(Value::Float(of(d.0)))
            })
        };
    }
    macro_rules! count {
        ($unit:expr) => {
            method!(DurationObject, [], Param::Int64, |d, _| Ok(Value::int64(d.0.nanos() / $unit)))
        };
    }
    Some(match name {
        b"String" => return string_method(name),
        b"Seconds" => float!(Duration::seconds),
        b"Minutes" => float!(Duration::minutes),
        b"Hours" => float!(Duration::hours),
        b"Nanoseconds" => count!(1),
        b"Microseconds" => count!(1_000),
        b"Milliseconds" => count!(1_000_000),
        b"Abs" => method!(DurationObject, [], Param::Duration, |d, _| Ok(DurationObject::value(d.0.abs()))),
        b"Round" => method!(DurationObject, [Param::Duration], Param::Duration, |d, args| {
            Ok(DurationObject::value(d.0.round(duration(args, 0)?)))
        }),
        b"Truncate" => method!(DurationObject, [Param::Duration], Param::Duration, |d, args| {
            Ok(DurationObject::value(d.0.truncate(duration(args, 0)?)))
        }),
        _ => return None,
    })
}

fn object(object: impl Object) -> Value {
    Value::Object(Arc::new(object))
}

fn byte_list(text: &str) -> Value {
    let items = text.bytes().map(|b| Value::Int(Int { value: i64::from(b), kind: IntKind::Uint8 })).collect();
    Value::List(List::new(Elem::Byte, items))
}

fn int(args: &[Value], index: usize) -> i64 {
    match args.get(index) {
        Some(Value::Int(int)) => int.value,
        _ => 0,
    }
}

fn time(args: &[Value], index: usize) -> Result<Time, FuncError> {
    args.get(index).and_then(TimeObject::get).cloned().ok_or_else(wrong_receiver)
}

/// A duration; a constant in a template stands for nanoseconds.
fn duration(args: &[Value], index: usize) -> Result<Duration, FuncError> {
    match args.get(index) {
        Some(Value::Int(int)) => Ok(Duration::from_nanos(int.value)),
        Some(value) => DurationObject::get(value).ok_or_else(wrong_receiver),
        None => Err(wrong_receiver()),
    }
}

/// What `%#v` shows.
fn go_string(t: &Time) -> String {
    let c = t.civil();
    let month = (c.month as usize).checked_sub(1).and_then(|at| MONTHS.get(at)).copied().unwrap_or_default();
    let zone = match t.zone() {
        Zone::Utc => "time.UTC".to_string(),
        Zone::Local => "time.Local".to_string(),
        other => format!("time.Location({})", super::quote(other.name().as_bytes())),
    };
    format!(
        "time.Date({}, time.{month}, {}, {}, {}, {}, {}, {zone})",
        c.year,
        c.day,
        c.hour,
        c.minute,
        c.second,
        t.nanosecond()
    )
}
