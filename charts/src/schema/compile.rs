//! Documents become linked schemas: every reference is followed once, and
//! what cannot be followed is an error before any value is looked at.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use templates_compat::Compat;
use templates_compat::regexp::Regexp;

use super::draft::{Draft, escape};
use super::json::Node;
use super::meta;
use super::schema::{Additional, Dependency, Id, Items, Schema, Types};
use super::{Resolver, uri};
use crate::go_text::quote;

/// More schemas than this in all documents together are refused.
const MAX_SCHEMAS: usize = 500_000;

/// A document and what is known about its parts.
pub(super) struct Root {
    pub(super) address: String,
    doc: Arc<Node>,
    resources: BTreeMap<String, Resource>,
    processed: HashSet<String>,
}

/// A part of a document with an address of its own.
struct Resource {
    address: String,
    draft: Draft,
    anchors: BTreeMap<String, (String, bool)>,
}

/// All documents and schemas of one compilation.
pub(super) struct Compiler<'r> {
    pub(super) compat: Compat,
    pub(super) resolver: &'r dyn Resolver,
    pub(super) roots: Vec<Root>,
    pub(super) schemas: Vec<Schema>,
    ids: HashMap<(usize, String), Id>,
    queue: VecDeque<(usize, String, Id)>,
    /// Whether formats are checked in every version (for the schemas of
    /// schemas).
    assert_format: bool,
}

/// Links the schema at an address (and all that it refers to).
pub(super) fn compile(
    address: &str,
    doc: Node,
    compat: Compat,
    resolver: &dyn Resolver,
) -> Result<(Vec<Schema>, Id), String> {
    let mut compiler = Compiler::new(compat, resolver, false);
    let root = compiler.add(address, doc)?;
    let id = compiler.link(root, String::new())?;
    compiler.run().map_err(|e| compiler.explain(e))?;
    Ok((compiler.schemas, id))
}

impl<'r> Compiler<'r> {
    pub(super) fn new(compat: Compat, resolver: &'r dyn Resolver, assert_format: bool) -> Self {
        Compiler {
            compat,
            resolver,
            roots: Vec::new(),
            schemas: Vec::new(),
            ids: HashMap::new(),
            queue: VecDeque::new(),
            assert_format,
        }
    }

    /// Takes a document in: finds its parts with addresses and names, and
    /// checks that it is a schema.
    pub(super) fn add(&mut self, address: &str, doc: Node) -> Result<usize, String> {
        let mut root = Root {
            address: address.to_string(),
            doc: Arc::new(doc),
            resources: BTreeMap::new(),
            processed: HashSet::new(),
        };
        let doc = root.doc.clone();
        self.collect(&mut root, &doc, address, "", Draft::LATEST, 0)?;
        if !meta::is_own(address) {
            let draft = root.resource("").map_or(Draft::LATEST, |r| r.draft);
            self.check_schema(&doc, draft, &format!("{address}#"))?;
        }
        self.roots.push(root);
        Ok(self.roots.len() - 1)
    }

    /// A wrong pattern is found while linking; Helm finds it while checking the
    /// document against the schema of schemas, and says so.
    fn explain(&self, error: String) -> String {
        if !error.starts_with("invalid regex") {
            return error;
        }
        let complaint = self.roots.iter().find_map(|root| {
            let draft = root.resource("").map_or(Draft::LATEST, |r| r.draft);
            let why = meta::check_thoroughly(&root.doc, draft, self.compat).err()?;
            let address = quote(&format!("{}#", root.address), self.compat);
            Some(format!("{address} is not valid against metaschema: {why}"))
        });
        complaint.unwrap_or(error)
    }

    /// Whether a (sub)document is a schema.
    fn check_schema(&self, node: &Node, draft: Draft, address: &str) -> Result<(), String> {
        meta::check(node, draft, self.compat)
            .map_err(|text| format!("{} is not valid against metaschema: {text}", quote(address, self.compat)))
    }

    fn collect(
        &self,
        root: &mut Root,
        node: &Node,
        base: &str,
        pointer: &str,
        fallback: Draft,
        depth: usize,
    ) -> Result<(), String> {
        if root.processed.len() > MAX_SCHEMAS || depth > 1000 || !root.processed.insert(pointer.to_string()) {
            return Ok(());
        }
        let Node::Object(_) = node else {
            if pointer.is_empty() {
                root.resources.insert(String::new(), Resource::new(base, fallback));
            }
            return Ok(());
        };
        let mut draft = self.draft_of(node, fallback, &format!("{}#{pointer}", root.address), &mut Vec::new())?;
        let mut own = draft.id(node);
        if own.is_none() && !pointer.is_empty() {
            draft = fallback;
            own = draft.id(node);
        }
        let mut base = base.to_string();
        if let Some(own) = own {
            base = uri::join(&base, own);
        }
        if own.is_some() || pointer.is_empty() {
            let same = root.resources.iter().find(|(_, r)| r.address == base);
            if let Some((other, _)) = same {
                return Err(format!(
                    "duplicate id {} in {} at {} and {}",
                    quote(&base, self.compat),
                    quote(&root.address, self.compat),
                    quote(pointer, self.compat),
                    quote(other, self.compat)
                ));
            }
            root.resources.insert(pointer.to_string(), Resource::new(&base, draft));
        }
        let own_resource = root.resources.iter_mut().find(|(_, r)| r.address == base);
        let draft = match own_resource {
            Some((_, resource)) => {
                for (anchor, dynamic) in resource.draft.anchors(node) {
                    resource.anchors.insert(anchor, (pointer.to_string(), dynamic));
                }
                resource.draft
            }
            None => draft,
        };
        let mut inside = Vec::new();
        draft.subschemas(node, pointer, &mut inside);
        for (pointer, sub) in inside {
            self.collect(root, sub, &base, &pointer, draft, depth + 1)?;
        }
        Ok(())
    }

    /// The version that a document's `$schema` stands for, which may be a
    /// schema of somebody's own.
    fn draft_of(&self, node: &Node, fallback: Draft, at: &str, seen: &mut Vec<String>) -> Result<Draft, String> {
        let Some(named) = node.get("$schema").and_then(Node::as_str) else { return Ok(fallback) };
        if let Some(draft) = Draft::from_address(named) {
            return Ok(draft);
        }
        let address = uri::split_fragment(named).0.to_string();
        if at == format!("{address}#") {
            return Err(format!("draft {} is not supported", quote(&address, self.compat)));
        }
        if seen.contains(&address) {
            return Err(format!("cycle in resolving $schema in {}", quote(&address, self.compat)));
        }
        let doc = self.load(&address)?;
        seen.push(address.clone());
        self.draft_of(&doc, fallback, &format!("{address}#"), seen)
    }

    fn load(&self, address: &str) -> Result<Node, String> {
        if let Some(text) = meta::document(address) {
            return Node::parse(text.as_bytes(), self.compat);
        }
        let problem = |e: String| format!("failing loading {}: {e}", quote(address, self.compat));
        let content = match self.resolver.resolve(address) {
            // Helm 4 lets an unknown URN be anything; Helm 3 knows none.
            Err(_) if uri::scheme(address) == Some("urn") && self.compat.unknown_urns_are_anything() => {
                b"true".to_vec()
            }
            Err(_) if uri::scheme(address) == Some("urn") => {
                return Err(problem(format!("no URLLoader registered for {}", quote(address, self.compat))));
            }
            found => found.map_err(problem)?,
        };
        Node::parse(&content, self.compat).map_err(problem)
    }

    /// The schema at a place, to be filled in when its turn comes.
    pub(super) fn link(&mut self, root: usize, pointer: String) -> Result<Id, String> {
        if let Some(id) = self.ids.get(&(root, pointer.clone())) {
            return Ok(*id);
        }
        if self.schemas.len() >= MAX_SCHEMAS {
            return Err("the schema is too large".to_string());
        }
        let id = self.schemas.len();
        self.schemas.push(Schema::default());
        self.ids.insert((root, pointer.clone()), id);
        self.queue.push_back((root, pointer, id));
        Ok(id)
    }

    /// Fills in every schema that was linked.
    pub(super) fn run(&mut self) -> Result<(), String> {
        while let Some((root, pointer, id)) = self.queue.pop_front() {
            let doc = self.roots[root].doc.clone();
            let place = format!("{}#{pointer}", self.roots[root].address);
            let node = doc.at(&pointer).ok_or_else(|| {
                // It is shown as the reference writes it, escaped.
                format!("json-pointer in {} not found", quote(&place.replace('%', "%25"), self.compat))
            })?;
            self.ensure_collected(root, &pointer, node)?;
            self.schemas[id] = self.fill(root, &pointer, node)?;
            self.schemas[id].location = place;
        }
        Ok(())
    }

    /// A reference may lead to a place that no keyword makes a schema.
    fn ensure_collected(&mut self, root: usize, pointer: &str, node: &Node) -> Result<(), String> {
        if self.roots[root].processed.contains(pointer) {
            return Ok(());
        }
        let (base, draft) = match self.roots[root].resource(pointer) {
            Some(resource) => (resource.address.clone(), resource.draft),
            None => (self.roots[root].address.clone(), Draft::LATEST),
        };
        let mut taken = std::mem::replace(&mut self.roots[root], Root::empty());
        let collected = self.collect(&mut taken, node, &base, pointer, draft, 0);
        let address = format!("{}#{pointer}", taken.address);
        self.roots[root] = taken;
        collected?;
        self.check_schema(node, draft, &address)
    }

    fn fill(&mut self, root: usize, pointer: &str, node: &Node) -> Result<Schema, String> {
        let (base_pointer, draft) = self.roots[root].resource_at(pointer);
        let mut schema = Schema { draft: Some(draft), ..Schema::default() };
        schema.resource = self.link(root, base_pointer.clone())?;
        if draft >= Draft::V2020 && base_pointer == pointer {
            let dynamic: Vec<(String, String)> = self.roots[root].resources.get(pointer).map_or(Vec::new(), |r| {
                r.anchors.iter().filter(|(_, (_, d))| *d).map(|(n, (p, _))| (n.clone(), p.clone())).collect()
            });
            for (name, place) in dynamic {
                let id = self.link(root, place)?;
                schema.dynamic_anchors.push((name, id));
            }
        }
        match node {
            Node::Bool(b) => schema.bool = Some(*b),
            Node::Object(entries) if entries.is_empty() => schema.bool = Some(true),
            Node::Object(_) => Keywords { compiler: self, root, pointer, node, draft }.fill(&mut schema)?,
            _ => {}
        }
        Ok(schema)
    }

    /// The schema that a reference in a part of a document means.
    fn reference(&mut self, root: usize, pointer: &str, reference: &str) -> Result<Id, String> {
        let base = self.roots[root].resource(pointer).map(|r| r.address.clone()).unwrap_or_default();
        let (address, fragment) = uri::split_fragment(reference);
        let address = uri::join(&base, address);
        let known = self.roots[root].resources.iter().find(|(_, r)| r.address == address).map(|(p, _)| p.clone());
        if let Some(part) = known {
            return self.fragment(root, &part, &fragment);
        }
        let other = match self.roots.iter().position(|r| r.address == address) {
            Some(other) => other,
            None => {
                let doc = self.load(&address)?;
                self.add(&address, doc)?
            }
        };
        self.fragment(other, "", &fragment)
    }

    fn fragment(&mut self, root: usize, part: &str, fragment: &str) -> Result<Id, String> {
        if fragment.is_empty() || fragment.starts_with('/') {
            return self.link(root, format!("{part}{fragment}"));
        }
        let resource = self.roots[root].resources.get(part);
        match resource.and_then(|r| r.anchors.get(fragment)).map(|(p, _)| p.clone()) {
            Some(pointer) => self.link(root, pointer),
            None => {
                let reference = format!("{}#{fragment}", resource.map(|r| r.address.as_str()).unwrap_or_default());
                Err(format!(
                    "anchor in {} not found in schema {}",
                    quote(&reference, self.compat),
                    quote(&self.roots[root].address, self.compat)
                ))
            }
        }
    }
}

impl Root {
    fn empty() -> Self {
        Root {
            address: String::new(),
            doc: Arc::new(Node::Null),
            resources: BTreeMap::new(),
            processed: HashSet::new(),
        }
    }

    /// The part with an address that a place belongs to.
    fn resource(&self, pointer: &str) -> Option<&Resource> {
        self.resources.get(&self.resource_at(pointer).0)
    }

    fn resource_at(&self, pointer: &str) -> (String, Draft) {
        let mut at = pointer;
        loop {
            if let Some(resource) = self.resources.get(at) {
                return (at.to_string(), resource.draft);
            }
            match at.rfind('/') {
                Some(slash) => at = &at[..slash],
                None => return (String::new(), Draft::LATEST),
            }
        }
    }
}

impl Resource {
    fn new(address: &str, draft: Draft) -> Self {
        Resource { address: address.to_string(), draft, anchors: BTreeMap::new() }
    }
}

/// Reads the keywords of one schema.
struct Keywords<'c, 'r, 'n> {
    compiler: &'c mut Compiler<'r>,
    root: usize,
    pointer: &'n str,
    node: &'n Node,
    draft: Draft,
}

impl Keywords<'_, '_, '_> {
    fn fill(mut self, s: &mut Schema) -> Result<(), String> {
        s.reference = self.reference("$ref")?;
        if self.draft < Draft::V2019 && s.reference.is_some() {
            return Ok(());
        }
        self.applicators(s)?;
        self.validation(s)?;
        if self.draft < Draft::V2019 || self.compiler.assert_format {
            s.format = self.node.get("format").and_then(Node::as_str).map(str::to_string);
        }
        if self.draft >= Draft::V2019 {
            self.since_2019(s)?;
        }
        s.all_props_evaluated = !matches!(s.additional_properties, Additional::None);
        match &s.items {
            Items::All(_) => s.all_items_evaluated = true,
            Items::Each(items) => {
                s.items_evaluated = items.len();
                s.all_items_evaluated = !matches!(s.additional_items, Additional::None);
            }
            Items::None => {}
        }
        Ok(())
    }

    fn applicators(&mut self, s: &mut Schema) -> Result<(), String> {
        s.all_of = self.list("allOf")?;
        s.any_of = self.list("anyOf")?;
        s.one_of = self.list("oneOf")?;
        s.not = self.one("not")?;
        if self.draft < Draft::V2020 {
            if self.node.get("items").is_some_and(|i| i.items().is_some()) {
                s.items = Items::Each(self.list("items")?);
                s.additional_items = self.additional("additionalItems")?;
            } else if let Some(id) = self.one("items")? {
                s.items = Items::All(id);
            }
        } else {
            let each = self.list("prefixItems")?;
            s.additional_items = match self.one("items")? {
                Some(id) => Additional::Schema(id),
                None => Additional::None,
            };
            s.items = Items::Each(each);
        }
        s.properties = self.map("properties")?;
        for (pattern, id) in self.map("patternProperties")? {
            let compiled = self.pattern("patternProperties", &pattern)?;
            s.pattern_properties.push((compiled, id));
        }
        s.additional_properties = self.additional("additionalProperties")?;
        for (name, value) in self.node.get("dependencies").map(Node::entries).unwrap_or_default() {
            let dependency = match value.items() {
                Some(names) => Dependency::Names(strings(names)),
                None => Dependency::Schema(self.below("dependencies", name)?),
            };
            s.dependencies.push((name.clone(), dependency));
        }
        if self.draft >= Draft::V6 {
            s.contains = self.one("contains")?;
            s.property_names = self.one("propertyNames")?;
            s.constant = self.node.get("const").cloned();
        }
        if self.draft >= Draft::V7 {
            s.if_ = self.one("if")?;
            if s.if_.is_some() {
                let fixed = self.node.get("if").and_then(Node::as_bool);
                s.then = if fixed == Some(false) { None } else { self.one("then")? };
                s.else_ = if fixed == Some(true) { None } else { self.one("else")? };
            }
        }
        Ok(())
    }

    fn validation(&mut self, s: &mut Schema) -> Result<(), String> {
        s.types = self.node.get("type").and_then(Types::read);
        s.enumeration = self.node.get("enum").and_then(Node::items).map(<[Node]>::to_vec);
        s.multiple_of = self.number("multipleOf");
        let exclusive = |key: &str| self.node.get(key).and_then(Node::as_bool) == Some(true);
        (s.maximum, s.exclusive_maximum) = match exclusive("exclusiveMaximum") {
            true => (None, self.number("maximum")),
            false => (self.number("maximum"), self.number("exclusiveMaximum")),
        };
        (s.minimum, s.exclusive_minimum) = match exclusive("exclusiveMinimum") {
            true => (None, self.number("minimum")),
            false => (self.number("minimum"), self.number("exclusiveMinimum")),
        };
        s.min_length = self.count("minLength");
        s.max_length = self.count("maxLength");
        if let Some(pattern) = self.node.get("pattern").and_then(Node::as_str) {
            let pattern = pattern.to_string();
            s.pattern = Some((self.pattern("pattern", &pattern)?, pattern));
        }
        s.min_items = self.count("minItems");
        s.max_items = self.count("maxItems");
        s.unique_items = self.node.get("uniqueItems").and_then(Node::as_bool) == Some(true);
        s.min_properties = self.count("minProperties");
        s.max_properties = self.count("maxProperties");
        s.required = self.node.get("required").and_then(Node::items).map(strings).unwrap_or_default();
        Ok(())
    }

    fn since_2019(&mut self, s: &mut Schema) -> Result<(), String> {
        s.recursive_ref = self.reference("$recursiveRef")?;
        s.recursive_anchor = self.node.get("$recursiveAnchor").and_then(Node::as_bool) == Some(true);
        if s.contains.is_some() {
            s.min_contains = self.count("minContains");
            s.max_contains = self.count("maxContains");
        }
        for (name, value) in self.node.get("dependentRequired").map(Node::entries).unwrap_or_default() {
            if let Some(names) = value.items() {
                s.dependent_required.push((name.clone(), strings(names)));
            }
        }
        s.dependent_schemas = self.map("dependentSchemas")?.into_iter().collect();
        s.unevaluated_items = self.one("unevaluatedItems")?;
        s.unevaluated_properties = self.one("unevaluatedProperties")?;
        if self.draft >= Draft::V2020 {
            if let Some(id) = self.reference("$dynamicRef")? {
                let raw = self.node.get("$dynamicRef").and_then(Node::as_str).unwrap_or_default();
                let fragment = uri::split_fragment(raw).1;
                let anchor = if fragment.starts_with('/') { String::new() } else { fragment };
                s.dynamic_ref = Some((id, anchor));
            }
            s.dynamic_anchor = self.node.get("$dynamicAnchor").and_then(Node::as_str).map(str::to_string);
        }
        Ok(())
    }

    fn reference(&mut self, key: &str) -> Result<Option<Id>, String> {
        match self.node.get(key).and_then(Node::as_str) {
            Some(reference) => self.compiler.reference(self.root, self.pointer, reference).map(Some),
            None => Ok(None),
        }
    }

    fn one(&mut self, key: &str) -> Result<Option<Id>, String> {
        if self.node.get(key).is_none() {
            return Ok(None);
        }
        self.compiler.link(self.root, format!("{}/{}", self.pointer, escape(key))).map(Some)
    }

    fn below(&mut self, key: &str, token: &str) -> Result<Id, String> {
        self.compiler.link(self.root, format!("{}/{}/{}", self.pointer, escape(key), escape(token)))
    }

    fn list(&mut self, key: &str) -> Result<Vec<Id>, String> {
        let count = self.node.get(key).and_then(Node::items).map_or(0, <[Node]>::len);
        (0..count).map(|i| self.below(key, &i.to_string())).collect()
    }

    fn map(&mut self, key: &str) -> Result<BTreeMap<String, Id>, String> {
        let entries = self.node.get(key).map(Node::entries).unwrap_or_default();
        entries.iter().map(|(name, _)| Ok((name.clone(), self.below(key, name)?))).collect()
    }

    fn additional(&mut self, key: &str) -> Result<Additional, String> {
        if let Some(allowed) = self.node.get(key).and_then(Node::as_bool) {
            return Ok(Additional::Bool(allowed));
        }
        Ok(self.one(key)?.map_or(Additional::None, Additional::Schema))
    }

    fn pattern(&self, key: &str, pattern: &str) -> Result<Arc<Regexp>, String> {
        let compat = self.compiler.compat;
        Regexp::compile(pattern.as_bytes(), compat).map(Arc::new).map_err(|e| {
            let place = format!("{}#{}/{key}", self.compiler.roots[self.root].address, self.pointer);
            format!("invalid regex {} at {}: {e}", quote(pattern, compat), quote(&place, compat))
        })
    }

    fn number(&self, key: &str) -> Option<super::json::Number> {
        match self.node.get(key) {
            Some(Node::Number(n)) => Some(n.clone()),
            _ => None,
        }
    }

    fn count(&self, key: &str) -> Option<i64> {
        self.number(key).filter(|n| n.value.fract() == 0.0).map(|n| n.value as i64)
    }
}

fn strings(items: &[Node]) -> Vec<String> {
    items.iter().filter_map(Node::as_str).map(str::to_string).collect()
}
