//! Checking a value against linked schemas: which keyword says no, and how
//! its findings hang together.

use std::collections::BTreeSet;

use templates_compat::{Compat, Value};

use super::compare::{equal, is_integer, is_multiple, number, type_name};
use super::draft::{Draft, escape};
use super::format;
use super::report::{Kind, Problem, Words, english, english_int, top};
use super::schema::{Additional, Dependency, Id, Items, Schema};

/// How deep schemas and values may lead each other.
const MAX_DEPTH: usize = 3000;

/// What of an object or list no schema has looked at yet.
#[derive(Debug, Clone, Default)]
struct Unseen {
    properties: BTreeSet<String>,
    items: BTreeSet<usize>,
}

impl Unseen {
    fn is_empty(&self) -> bool {
        self.properties.is_empty() && self.items.is_empty()
    }

    fn merge(&mut self, other: &Unseen) {
        self.properties.retain(|p| other.properties.contains(p));
        self.items.retain(|i| other.items.contains(i));
    }
}

/// The schemas that led here. Those with one `value` number look at the same
/// value.
#[derive(Clone, Copy)]
struct Scope<'p> {
    schema: Id,
    value: usize,
    /// The keyword that jumped here, if one did.
    jump: &'static str,
    parent: Option<&'p Scope<'p>>,
}

/// The findings about a value; none if it fits.
pub(super) fn check(schemas: &[Schema], root: Id, value: &Value, compat: Compat) -> Vec<Problem> {
    let checker = Checker { schemas, words: Words { compat } };
    checker.root(root, value)
}

struct Checker<'s> {
    schemas: &'s [Schema],
    words: Words,
}

/// One schema on one value.
struct Run<'c, 's, 'v> {
    checker: &'c Checker<'s>,
    schema: &'s Schema,
    value: &'v Value,
    at: &'c str,
    scope: Scope<'c>,
    unseen: Unseen,
    /// Only whether it fits is asked, not why not.
    quiet: bool,
    depth: usize,
    problems: Vec<Problem>,
}

type Outcome = Result<Unseen, Problem>;

impl<'s> Checker<'s> {
    fn root(&self, id: Id, value: &Value) -> Vec<Problem> {
        let scope = Scope { schema: id, value: 0, jump: "", parent: None };
        match self.run(id, value, "", scope, false, false, 0) {
            Ok(_) => Vec::new(),
            Err(problem) => top(problem),
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn run(
        &self,
        id: Id,
        value: &Value,
        at: &str,
        scope: Scope<'_>,
        caller_needs: bool,
        quiet: bool,
        depth: usize,
    ) -> Outcome {
        let Some(schema) = self.schemas.get(id) else { return Ok(Unseen::default()) };
        let unseen = unseen_of(value, schema, caller_needs);
        let run = |depth| Run {
            checker: self,
            schema,
            value,
            at,
            scope,
            unseen: unseen.clone(),
            quiet,
            depth,
            problems: Vec::new(),
        };
        // Without room it is as deep as can be.
        match templates_compat::go_on(|| run(depth).finish()) {
            Some(outcome) => outcome,
            None => run(MAX_DEPTH + 1).finish(),
        }
    }
}

impl Checker<'_> {
    /// The keywords that lead to a schema, from the root on.
    fn way(&self, scope: &Scope<'_>) -> String {
        let location = |id: Id| self.schemas.get(id).map(|s| s.location.as_str()).unwrap_or_default();
        let mut way = String::new();
        let mut at = Some(scope);
        while let Some(scope) = at {
            if let Some(parent) = scope.parent {
                let step = match scope.jump {
                    "" => location(scope.schema).get(location(parent.schema).len()..).unwrap_or_default().to_string(),
                    jump => format!("/{jump}"),
                };
                way = step + &way;
            }
            at = scope.parent;
        }
        way
    }
}

fn unseen_of(value: &Value, schema: &Schema, caller_needs: bool) -> Unseen {
    let mut unseen = Unseen::default();
    match value {
        Value::Map(m) if !schema.all_props_evaluated && (caller_needs || schema.unevaluated_properties.is_some()) => {
            m.for_each(|k, _| {
                unseen.properties.insert(k.to_text().into_owned());
            });
        }
        Value::List(l) if !schema.all_items_evaluated && (caller_needs || schema.unevaluated_items.is_some()) => {
            unseen.items = (schema.items_evaluated..l.len()).collect();
        }
        _ => {}
    }
    unseen
}

impl<'c, 's, 'v> Run<'c, 's, 'v> {
    fn finish(mut self) -> Outcome {
        if let Some(allowed) = self.schema.bool {
            return if allowed { Ok(self.unseen) } else { Err(self.problem("false schema")) };
        }
        if self.depth > MAX_DEPTH {
            return Err(self.problem("values and schema are nested too deeply"));
        }
        if let Some(earlier) = self.cycle() {
            let (here, there) = (self.checker.way(&self.scope), self.checker.way(earlier));
            let target = crate::go_text::quote(&self.schema.location, self.checker.words.compat);
            return Err(self.problem(format!("both {here} and {there} resolve to {target} causing reference cycle")));
        }
        if let Some(text) = self.basic() {
            return Err(self.problem(text));
        }
        if let Some(target) = self.schema.reference {
            let outcome = self.follow(target, "$ref");
            if self.schema.draft.is_none_or(|d| d < Draft::V2019) {
                return outcome.map(|()| self.unseen);
            }
            self.problems.extend(outcome.err());
        }
        match self.value {
            Value::Map(_) => self.object(),
            Value::List(_) => self.list(),
            Value::Str(s) => {
                let text = s.to_text().into_owned();
                self.string(&text);
            }
            Value::Int(_) | Value::Float(_) => self.number(),
            _ => {}
        }
        if self.problems.is_empty() || !self.quiet {
            let new = self.schema.draft.is_some_and(|d| d >= Draft::V2019);
            if new {
                self.dynamic_references();
            }
            self.conditions();
            if new {
                self.unevaluated();
            }
        }
        match self.problems.len() {
            0 => Ok(self.unseen),
            1 => Err(self.problems.remove(0)),
            _ => Err(Problem { at: self.at.to_string(), kind: Kind::Group, causes: self.problems }),
        }
    }

    fn problem(&self, text: impl Into<String>) -> Problem {
        Problem { at: self.at.to_string(), kind: Kind::Text(text.into()), causes: Vec::new() }
    }

    fn add(&mut self, text: impl FnOnce(&Words) -> String) {
        let text = if self.quiet { String::new() } else { text(&self.checker.words) };
        self.problems.push(self.problem(text));
    }

    fn add_with(&mut self, text: &str, causes: Vec<Problem>) {
        let problem = Problem { causes, ..self.problem(text) };
        self.problems.push(problem);
    }

    /// Where this very schema is already at work on this very value.
    fn cycle(&self) -> Option<&Scope<'c>> {
        let mut above = self.scope.parent;
        while let Some(scope) = above.filter(|s| s.value == self.scope.value) {
            if scope.schema == self.scope.schema {
                return Some(scope);
            }
            above = scope.parent;
        }
        None
    }

    /// The keywords after which nothing else counts: `type`, `const`, `enum`,
    /// `format`.
    fn basic(&self) -> Option<String> {
        let (schema, value, words) = (self.schema, self.value, &self.checker.words);
        let got = type_name(value);
        if let Some(types) = schema.types {
            let whole = || got == "number" && types.contains("integer") && is_integer(value);
            if !types.contains(got) && !whole() {
                return Some(format!("got {got}, want {}", types.text()));
            }
        }
        if let Some(constant) = &schema.constant
            && !equal(value, constant)
        {
            let shown = words.display(constant);
            return Some(if shown == "value" { "'const' failed".into() } else { format!("value must be {shown}") });
        }
        if let Some(allowed) = &schema.enumeration
            && !allowed.iter().any(|node| equal(value, node))
        {
            let shown: Vec<String> = allowed.iter().map(|node| words.display(node)).collect();
            let simple = allowed.iter().all(|n| n.items().is_none() && !matches!(n, super::json::Node::Object(_)));
            return Some(match shown.as_slice() {
                _ if !simple => "'enum' failed".to_string(),
                [one] => format!("value must be {one}"),
                _ => format!("value must be one of {}", shown.join(", ")),
            });
        }
        if let (Some(name), Value::Str(text)) = (&schema.format, value)
            && let Err(why) = format::check(name, &text.to_text(), words.compat)
        {
            return Some(format!("{} is not valid {name}: {why}", words.quote(&text.to_text())));
        }
        None
    }

    /// Another schema on the same value.
    fn itself(&mut self, id: Id, quiet: bool) -> Result<(), Problem> {
        self.jump(id, quiet, "")
    }

    fn jump(&mut self, id: Id, quiet: bool, jump: &'static str) -> Result<(), Problem> {
        let scope = Scope { schema: id, value: self.scope.value, jump, parent: Some(&self.scope) };
        let needs = !self.unseen.is_empty();
        let quiet = self.quiet || quiet;
        let unseen = self.checker.run(id, self.value, self.at, scope, needs, quiet, self.depth + 1)?;
        self.unseen.merge(&unseen);
        Ok(())
    }

    /// A schema on a part of the value.
    fn part(&self, id: Id, value: &Value, token: &str) -> Result<(), Problem> {
        let scope = Scope { schema: id, value: self.scope.value + 1, jump: "", parent: Some(&self.scope) };
        let at = format!("{}/{}", self.at, escape(token));
        self.checker.run(id, value, &at, scope, false, self.quiet, self.depth + 1).map(drop)
    }

    fn follow(&mut self, id: Id, keyword: &'static str) -> Result<(), Problem> {
        self.jump(id, false, keyword).map_err(|problem| Problem {
            at: self.at.to_string(),
            kind: Kind::Reference,
            causes: top(problem),
        })
    }

    fn object(&mut self) {
        let Value::Map(map) = self.value else { return };
        let s = self.schema;
        self.bounds(map.len(), s.min_properties, s.max_properties, "Properties");
        let has = |name: &str| map.contains_key(name.as_bytes());
        let missing = |names: &[String]| names.iter().filter(|n| !has(n)).cloned().collect::<Vec<_>>();
        let required = missing(&s.required);
        if !required.is_empty() {
            self.add(|words| {
                let what = if required.len() == 1 { "property" } else { "properties" };
                format!("missing {what} {}", words.join(&required))
            });
        }
        if self.quiet && !self.problems.is_empty() {
            return;
        }
        for (name, dependency) in s.dependencies.iter().filter(|(name, _)| has(name)) {
            match dependency {
                Dependency::Names(names) => self.needs(name, missing(names)),
                Dependency::Schema(id) => {
                    let outcome = self.itself(*id, false);
                    self.problems.extend(outcome.err());
                }
            }
        }
        let mut surplus = Vec::new();
        for (key, value) in map.snapshot() {
            if self.quiet && !self.problems.is_empty() {
                return;
            }
            let key = key.to_text().into_owned();
            if self.property(&key, &value, &mut surplus) {
                self.unseen.properties.remove(&key);
            }
        }
        if !surplus.is_empty() {
            self.add(|words| format!("additional properties {} not allowed", words.join(&surplus)));
        }
        self.property_names(map);
        for (name, id) in s.dependent_schemas.iter().filter(|(name, _)| has(name)) {
            let _ = name;
            let outcome = self.itself(*id, false);
            self.problems.extend(outcome.err());
        }
        for (name, names) in s.dependent_required.iter().filter(|(name, _)| has(name)) {
            self.needs(name, missing(names));
        }
    }

    fn needs(&mut self, name: &str, missing: Vec<String>) {
        if !missing.is_empty() {
            self.add(|words| format!("properties {} required, if {} exists", words.join(&missing), words.quote(name)));
        }
    }

    /// Whether some keyword looked at the property.
    fn property(&mut self, key: &str, value: &Value, surplus: &mut Vec<String>) -> bool {
        let s = self.schema;
        let mut looked_at = false;
        if let Some(id) = s.properties.get(key) {
            looked_at = true;
            self.problems.extend(self.part(*id, value, key).err());
        }
        for (pattern, id) in &s.pattern_properties {
            if pattern.is_match(key.as_bytes()) {
                looked_at = true;
                self.problems.extend(self.part(*id, value, key).err());
            }
        }
        match &s.additional_properties {
            Additional::Bool(false) if !looked_at => surplus.push(key.to_string()),
            Additional::Schema(id) if !looked_at => self.problems.extend(self.part(*id, value, key).err()),
            Additional::None => return looked_at,
            _ => {}
        }
        true
    }

    fn property_names(&mut self, map: &templates_compat::Map) {
        let Some(id) = self.schema.property_names else { return };
        for key in map.keys() {
            let causes = self.checker.root(id, &Value::Str(key.clone()));
            if !causes.is_empty() {
                let text = format!("invalid propertyName {}", self.checker.words.quote(&key.to_text()));
                // Helm 3's library forgets where it is here.
                let at = match self.checker.words.compat.locates_property_names() {
                    false => String::new(),
                    true => self.at.to_string(),
                };
                self.problems.push(Problem { at, kind: Kind::Text(text), causes });
            }
        }
    }

    fn bounds(&mut self, got: usize, min: Option<i64>, max: Option<i64>, what: &str) {
        let count = i64::try_from(got).unwrap_or(i64::MAX);
        let shown = |want: i64| usize::try_from(want).map_or(want.to_string(), english_int);
        if let Some(want) = min.filter(|want| count < *want) {
            self.add(|_| format!("min{what}: got {}, want {}", english_int(got), shown(want)));
        }
        if let Some(want) = max.filter(|want| count > *want) {
            self.add(|_| format!("max{what}: got {}, want {}", english_int(got), shown(want)));
        }
    }

    fn list(&mut self) {
        let Value::List(list) = self.value else { return };
        let s = self.schema;
        self.bounds(list.len(), s.min_items, s.max_items, "Items");
        if s.unique_items
            && let Some((first, second)) = super::compare::duplicates(list)
        {
            self.add(|_| format!("items at {} and {} are equal", english_int(first), english_int(second)));
        }
        let looked_at = match &s.items {
            Items::None => 0,
            Items::All(id) => {
                for (i, item) in list.iter().enumerate() {
                    self.problems.extend(self.part(*id, item, &i.to_string()).err());
                }
                list.len()
            }
            Items::Each(ids) => {
                for (i, (item, id)) in list.iter().zip(ids).enumerate() {
                    self.problems.extend(self.part(*id, item, &i.to_string()).err());
                }
                ids.len().min(list.len())
            }
        };
        match s.additional_items {
            Additional::Bool(false) if looked_at < list.len() => {
                self.add(|_| format!("last {} additionalItem(s) not allowed", english_int(list.len() - looked_at)));
            }
            Additional::Schema(id) => {
                for (i, item) in list.iter().enumerate().skip(looked_at) {
                    self.problems.extend(self.part(id, item, &i.to_string()).err());
                }
            }
            _ => {}
        }
        self.contains(list);
    }

    fn contains(&mut self, list: &templates_compat::List) {
        let Some(id) = self.schema.contains else { return };
        let (mut causes, mut matched) = (Vec::new(), Vec::new());
        for (i, item) in list.iter().enumerate() {
            match self.part(id, item, &i.to_string()) {
                Ok(()) => {
                    matched.push(i);
                    if self.schema.draft.is_some_and(|d| d >= Draft::V2020) {
                        self.unseen.items.remove(&i);
                    }
                }
                Err(problem) => causes.push(problem),
            }
        }
        let count = matched.len() as i64;
        let at: Vec<String> = matched.iter().map(usize::to_string).collect();
        let at = at.join(" ");
        match self.schema.min_contains {
            Some(want) if count < want => {
                let text = if matched.is_empty() {
                    format!("min {want} items required to match contains schema, but none matched")
                } else {
                    format!("min {want} items required to match contains schema, but matched {count} items at {at}")
                };
                self.add_with(&text, causes);
            }
            None if matched.is_empty() => self.add_with("no items match contains schema", causes),
            _ => {}
        }
        if let Some(want) = self.schema.max_contains.filter(|want| count > *want) {
            self.add(|_| {
                format!("max {want} items required to match contains schema, but matched {count} items at {at}")
            });
        }
    }

    fn string(&mut self, text: &str) {
        let s = self.schema;
        if s.min_length.is_some() || s.max_length.is_some() {
            self.bounds(text.chars().count(), s.min_length, s.max_length, "Length");
        }
        if let Some((pattern, source)) = &s.pattern
            && !pattern.is_match(text.as_bytes())
        {
            self.add(|words| format!("{} does not match pattern {}", words.quote(text), words.quote(source)));
        }
    }

    fn number(&mut self) {
        let s = self.schema;
        let got = number(self.value);
        let rules = [
            ("minimum", &s.minimum, (|got, want| got < want) as fn(f64, f64) -> bool),
            ("maximum", &s.maximum, |got, want| got > want),
            ("exclusiveMinimum", &s.exclusive_minimum, |got, want| got <= want),
            ("exclusiveMaximum", &s.exclusive_maximum, |got, want| got >= want),
        ];
        for (name, want, broken) in rules {
            if let Some(want) = want.as_ref().map(|n| n.value).filter(|want| broken(got, *want)) {
                self.add(|_| format!("{name}: got {}, want {}", english(got), english(want)));
            }
        }
        if let Some(want) = s.multiple_of.as_ref().filter(|want| !is_multiple(self.value, want)) {
            self.add(|_| format!("multipleOf: got {}, want {}", english(got), english(want.value)));
        }
    }

    fn dynamic_references(&mut self) {
        let schemas = self.checker.schemas;
        if let Some(mut target) = self.schema.recursive_ref {
            if schemas.get(target).is_some_and(|s| s.recursive_anchor) {
                let recursive = |id: Id| schemas.get(schemas.get(id)?.resource).filter(|r| r.recursive_anchor);
                let mut scope = Some(&self.scope);
                while let Some(at) = scope {
                    if recursive(at.schema).is_some() {
                        target = at.schema;
                    }
                    scope = at.parent;
                }
            }
            let outcome = self.follow(target, "$recursiveRef");
            self.problems.extend(outcome.err());
        }
        if let Some((mut target, anchor)) = self.schema.dynamic_ref.as_ref().map(|(id, a)| (*id, a)) {
            let named = schemas.get(target).is_some_and(|s| s.dynamic_anchor.as_ref() == Some(anchor));
            if !anchor.is_empty() && named {
                let mut scope = Some(&self.scope);
                while let Some(at) = scope {
                    let resource = schemas.get(at.schema).and_then(|s| schemas.get(s.resource));
                    let found = resource.and_then(|r| r.dynamic_anchors.iter().find(|(name, _)| name == anchor));
                    if let Some((_, id)) = found {
                        target = *id;
                    }
                    scope = at.parent;
                }
            }
            let outcome = self.follow(target, "$dynamicRef");
            self.problems.extend(outcome.err());
        }
    }

    fn conditions(&mut self) {
        let s = self.schema;
        if let Some(id) = s.not
            && self.itself(id, true).is_ok()
        {
            self.add(|_| "'not' failed".to_string());
        }
        let mut causes = Vec::new();
        for id in &s.all_of {
            causes.extend(self.itself(*id, false).err());
            if self.quiet && !causes.is_empty() {
                break;
            }
        }
        if !causes.is_empty() {
            self.add_with("'allOf' failed", causes);
        }
        self.any_of();
        self.one_of();
        if let Some(id) = s.if_ {
            let next = if self.itself(id, true).is_ok() { s.then } else { s.else_ };
            if let Some(id) = next {
                let outcome = self.itself(id, false);
                self.problems.extend(outcome.err());
            }
        }
    }

    fn any_of(&mut self) {
        let mut causes = Vec::new();
        let mut matched = self.schema.any_of.is_empty();
        for id in &self.schema.any_of {
            match self.itself(*id, false) {
                Err(problem) => causes.push(problem),
                Ok(()) => {
                    matched = true;
                    // What is still unseen may be seen by the others.
                    if self.unseen.is_empty() {
                        break;
                    }
                }
            }
        }
        if !matched {
            self.add_with("'anyOf' failed", causes);
        }
    }

    fn one_of(&mut self) {
        let mut causes = Vec::new();
        let mut matched: Option<usize> = None;
        for (i, id) in self.schema.one_of.iter().enumerate() {
            match (self.itself(*id, matched.is_some()), matched) {
                (Err(problem), None) => causes.push(problem),
                (Err(_), Some(_)) => {}
                (Ok(()), None) => matched = Some(i),
                (Ok(()), Some(first)) => {
                    self.add(|_| format!("'oneOf' failed, subschemas {first}, {i} matched"));
                    return;
                }
            }
        }
        if matched.is_none() && !self.schema.one_of.is_empty() {
            self.add_with("'oneOf' failed, none matched", causes);
        }
    }

    fn unevaluated(&mut self) {
        match self.value {
            Value::Map(map) => {
                if let Some(id) = self.schema.unevaluated_properties {
                    for key in std::mem::take(&mut self.unseen.properties) {
                        if let Some(value) = map.get(key.as_bytes()) {
                            self.problems.extend(self.part(id, &value, &key).err());
                        }
                    }
                }
            }
            Value::List(list) => {
                if let Some(id) = self.schema.unevaluated_items {
                    for i in std::mem::take(&mut self.unseen.items) {
                        if let Some(item) = list.get(i) {
                            self.problems.extend(self.part(id, item, &i.to_string()).err());
                        }
                    }
                }
            }
            _ => {}
        }
    }
}
