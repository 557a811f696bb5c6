//! Carries out the steps of an expression.

use std::cmp::Ordering;

use templates_compat::{Int, IntKind, Value};

use super::{MAX_DEPTH, Node, Param};

/// Something cannot be carried out; nobody is told why.
#[derive(Debug)]
pub(super) struct Stop;

type Found = Result<Vec<Value>, Stop>;

/// The most values that one step may find.
const MAX_FOUND: usize = 1_048_576;

/// Carries out a template.
pub(super) struct Finder<'a> {
    nodes: &'a [Node],
    /// Loops that begin, are open, and end.
    begins: usize,
    open: usize,
    ends: usize,
    /// Where the last loop ended.
    last_end: Option<usize>,
    depth: usize,
}

impl<'a> Finder<'a> {
    pub(super) fn new(nodes: &'a [Node]) -> Self {
        Finder { nodes, begins: 0, open: 0, ends: 0, last_end: None, depth: 0 }
    }

    /// What the actions from `start` on find, one list each.
    pub(super) fn find(&mut self, value: Value, start: usize) -> Result<Vec<Vec<Value>>, Stop> {
        if self.depth > MAX_DEPTH {
            return Err(Stop);
        }
        self.depth += 1;
        let (nodes, mut all, mut at) = (self.nodes, Vec::new(), start);
        while let Some(node) = nodes.get(at) {
            let found = self.walk(vec![value.clone()], node)?;
            if self.ends > 0 && self.ends <= self.open {
                self.ends -= 1;
                self.last_end = Some(at);
                break;
            }
            if self.begins > 0 {
                self.begins -= 1;
                self.open += 1;
                if found.is_empty() {
                    self.find(Value::Nil, at + 1)?;
                }
                for value in found {
                    all.extend(self.find(value, at + 1)?);
                    if all.len() > MAX_FOUND {
                        return Err(Stop);
                    }
                }
                self.open -= 1;
                at = self.last_end.filter(|end| *end > at).unwrap_or(at) + 1;
                continue;
            }
            all.push(found);
            at += 1;
        }
        self.depth -= 1;
        Ok(all)
    }

    fn walk(&mut self, input: Vec<Value>, node: &Node) -> Found {
        let found = match node {
            Node::List(nodes) => self.list(input, nodes)?,
            Node::Text(text) => vec![Value::str(text.as_slice())],
            Node::Int(number) => vec![Value::int(*number); input.len()],
            Node::Float(number) => vec![Value::Float(*number); input.len()],
            Node::Bool(on) => vec![Value::Bool(*on); input.len()],
            Node::Field(name) => field(&input, name)?,
            Node::Array(params) => array(&input, params)?,
            Node::Wildcard => input.iter().flat_map(children).collect(),
            Node::Recursive => {
                let mut found = Vec::new();
                recursive(&input, 0, &mut found)?;
                found
            }
            Node::Union(lists) => {
                let mut found = Vec::new();
                for nodes in lists {
                    found.extend(self.list(input.clone(), nodes)?);
                }
                found
            }
            Node::Filter { left, operator, right } => self.filter(&input, left, operator, right)?,
            Node::Identifier(name) => return self.identifier(name, input),
        };
        if found.len() > MAX_FOUND { Err(Stop) } else { Ok(found) }
    }

    fn list(&mut self, input: Vec<Value>, nodes: &[Node]) -> Found {
        nodes.iter().try_fold(input, |values, node| self.walk(values, node))
    }

    fn identifier(&mut self, name: &str, input: Vec<Value>) -> Found {
        match name {
            "range" => {
                self.begins += 1;
                Ok(input)
            }
            "end" if self.open > 0 => {
                self.ends += 1;
                Ok(Vec::new())
            }
            _ => Err(Stop),
        }
    }

    fn filter(&mut self, input: &[Value], left: &[Node], operator: &str, right: &[Node]) -> Found {
        let mut found = Vec::new();
        for value in input {
            let Value::List(items) = value else { return Err(Stop) };
            for item in items.iter() {
                let lefts = self.list(vec![item.clone()], left);
                if operator == "exists" {
                    if lefts.is_ok_and(|found| !found.is_empty()) {
                        found.push(item.clone());
                    }
                    continue;
                }
                let lefts = lefts?;
                let rights = if lefts.is_empty() { Vec::new() } else { self.list(vec![item.clone()], right)? };
                match (lefts.as_slice(), rights.as_slice()) {
                    ([], _) | (_, []) => {}
                    ([left], [right]) if compare(left, operator, right)? => found.push(item.clone()),
                    ([_], [_]) => {}
                    _ => return Err(Stop),
                }
            }
        }
        Ok(found)
    }
}

fn field(input: &[Value], name: &str) -> Found {
    if input.is_empty() {
        return Ok(Vec::new());
    }
    let found: Vec<Value> = input
        .iter()
        .filter_map(|value| value.as_map().filter(|map| map.contains_key(name.as_bytes()))?.get(name.as_bytes()))
        .collect();
    if found.is_empty() { Err(Stop) } else { Ok(found) }
}

fn children(value: &Value) -> Vec<Value> {
    match value {
        Value::Map(map) => map.snapshot().into_iter().map(|(_, value)| value).collect(),
        Value::List(list) => list.iter().cloned().collect(),
        Value::Str(text) => {
            let byte = |b: &u8| Value::Int(Int { value: i64::from(*b), kind: IntKind::Uint8 });
            text.as_bytes().iter().map(byte).collect()
        }
        _ => Vec::new(),
    }
}

/// Everything that has something in it, and what is in that.
fn recursive(input: &[Value], depth: usize, found: &mut Vec<Value>) -> Result<(), Stop> {
    if depth > MAX_DEPTH || found.len() > MAX_FOUND {
        return Err(Stop);
    }
    for value in input {
        let inside = children(value);
        if !inside.is_empty() {
            found.push(value.clone());
            recursive(&inside, depth + 1, found)?;
        }
    }
    Ok(())
}

fn array(input: &[Value], params: &[Param; 3]) -> Found {
    let mut found = Vec::new();
    for value in input {
        let items = match value {
            Value::Nil => continue,
            Value::List(items) => items.as_slice(),
            _ => return Err(Stop),
        };
        let length = i64::try_from(items.len()).map_err(|_| Stop)?;
        let [first, second, third] = params;
        let mut start = if first.known { first.value } else { 0 };
        if start < 0 {
            start += length;
        }
        let mut end = if second.known { second.value } else { length };
        if end < 0 || (end == 0 && second.derived) {
            end += length;
        }
        if start == end {
            return Ok(found);
        }
        if start < 0 || start >= length || end < 0 || end > length || start > end {
            return Err(Stop);
        }
        let step = if third.known { third.value } else { 1 };
        let step = usize::try_from(step).ok().filter(|step| *step > 0).ok_or(Stop)?;
        let range = usize::try_from(start).map_err(|_| Stop)?..usize::try_from(end).map_err(|_| Stop)?;
        found.extend(items[range].iter().step_by(step).cloned());
    }
    Ok(found)
}

/// Compares two values of the same kind.
fn compare(left: &Value, operator: &str, right: &Value) -> Result<bool, Stop> {
    let equality = matches!(operator, "==" | "!=");
    let order = match (left, right) {
        (Value::Bool(a), Value::Bool(b)) if equality => a.cmp(b),
        (Value::Int(a), Value::Int(b)) => a.value.cmp(&b.value),
        (Value::Float(a), Value::Float(b)) => match a.partial_cmp(b) {
            Some(order) => order,
            None => return Ok(operator == "!="),
        },
        (Value::Str(a), Value::Str(b)) => a.as_bytes().cmp(b.as_bytes()),
        _ => return Err(Stop),
    };
    match operator {
        "==" => Ok(order == Ordering::Equal),
        "!=" => Ok(order != Ordering::Equal),
        "<" => Ok(order == Ordering::Less),
        "<=" => Ok(order != Ordering::Greater),
        ">" => Ok(order == Ordering::Greater),
        ">=" => Ok(order != Ordering::Less),
        _ => Err(Stop),
    }
}
