//! Random templates: control structures, pipelines and scopes. The arguments
//! are `expression`'s.

use templates_compat::{Compat, Func, functions};

use crate::expression::is_steady;
use crate::rng::Rng;

/// How deep control structures may nest.
const DEPTH: usize = 3;

/// A random template and how it must be run.
#[derive(Debug, Clone)]
pub struct Try {
    /// Its number in the run.
    pub number: u64,
    /// The text.
    pub template: String,
    /// It changes values that others would see.
    pub alone: bool,
}

/// Makes the templates of a run.
#[derive(Debug)]
pub struct Generator {
    seed: u64,
    pub(crate) functions: Vec<&'static Func>,
}

/// One template in the making.
pub(crate) struct Writer<'g> {
    pub(crate) rng: Rng,
    pub(crate) functions: &'g [&'static Func],
    pub(crate) number: u64,
    /// The variables in scope.
    pub(crate) variables: Vec<String>,
    /// The names defined so far.
    pub(crate) defined: usize,
    /// How many loops stand around.
    loops: usize,
    out: String,
}

impl Generator {
    /// A generator whose tries depend on nothing but the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let functions = functions(Compat::Helm4).filter(|f| is_steady(f.name)).collect();
        Generator { seed, functions }
    }

    /// The try of this number.
    #[must_use]
    pub fn make(&self, number: u64) -> Try {
        let mut writer = Writer {
            rng: Rng::new(self.seed, number),
            functions: &self.functions,
            number,
            variables: Vec::new(),
            defined: 0,
            loops: 0,
            out: String::new(),
        };
        // Half of them look at one function or one thing: a long template
        // mostly ends at its first error.
        let count = if writer.rng.percent(50) { 1 } else { 1 + writer.rng.below(5) };
        writer.statements(0, count);
        let mut template = std::mem::take(&mut writer.out);
        if writer.rng.percent(3) {
            template = damage(&mut writer.rng, &template);
        }
        let alone = template.contains("erge") || template.contains("set ") || template.contains("unset");
        Try { number, template, alone }
    }
}

/// Takes a character out, doubles one or puts one in.
fn damage(rng: &mut Rng, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let at = rng.below(chars.len());
    match rng.below(3) {
        0 => drop(chars.remove(at)),
        1 => chars.insert(at, chars[at]),
        _ => chars
            .insert(at, rng.pick(&['{', '}', '"', '(', ')', '|', '.', '$', '-', ':', '=', ',', '\'', '\\', '\n', 'x'])),
    }
    chars.into_iter().collect()
}

impl Writer<'_> {
    fn statements(&mut self, depth: usize, count: usize) {
        for _ in 0..count {
            self.statement(depth);
            if self.rng.percent(30) {
                let text = self.rng.pick(&["", " ", "\n", " x ", "\n  ", "{", "\\", "é", " <no value> "]);
                self.out.push_str(text);
            }
        }
    }

    fn statement(&mut self, depth: usize) {
        let choice = if depth >= DEPTH { self.rng.below(60) } else { self.rng.below(100) };
        match choice {
            0..50 => {
                let pipeline = self.pipeline(2);
                self.action(&pipeline);
            }
            50..56 => self.assignment(),
            56..58 => self.out.push_str(if self.rng.percent(50) { "{{/* c */}}" } else { " {{- /* c */ -}} " }),
            58..60 if self.loops > 0 || self.rng.percent(5) => {
                let word = if self.rng.percent(50) { "break" } else { "continue" };
                let condition = self.pipeline(1);
                self.out.push_str(&format!("{{{{ if {condition} }}}}{{{{ {word} }}}}{{{{ end }}}}"));
            }
            58..60 => self.out.push_str("text"),
            60..70 => self.branch(depth, "if"),
            70..78 => self.branch(depth, "with"),
            78..90 => self.range(depth),
            90..97 => self.definition(depth),
            _ => self.tpl(),
        }
    }

    /// An action, with or without trim markers.
    fn action(&mut self, inner: &str) {
        let open = if self.rng.percent(12) { "{{- " } else { "{{ " };
        let close = if self.rng.percent(12) { " -}}" } else { " }}" };
        self.out.push_str(&format!("{open}{inner}{close}"));
    }

    fn assignment(&mut self) {
        let pipeline = self.pipeline(2);
        if !self.variables.is_empty() && self.rng.percent(40) {
            let name = self.rng.pick(&self.variables);
            self.action(&format!("{name} = {pipeline}"));
            return;
        }
        let name = format!("$v{}", self.rng.below(4));
        self.action(&format!("{name} := {pipeline}"));
        self.variables.push(name);
    }

    fn block(&mut self, depth: usize) {
        let mark = self.variables.len();
        let count = 1 + self.rng.below(2);
        self.statements(depth + 1, count);
        self.variables.truncate(mark);
    }

    fn branch(&mut self, depth: usize, word: &str) {
        let mark = self.variables.len();
        let condition = self.condition();
        self.action(&format!("{word} {condition}"));
        self.block(depth);
        if self.rng.percent(30) {
            let condition = self.condition();
            self.action(&format!("else {word} {condition}"));
            self.block(depth);
        }
        if self.rng.percent(50) {
            self.action("else");
            self.block(depth);
        }
        self.action("end");
        self.variables.truncate(mark);
    }

    /// A pipeline, now and then with a variable.
    fn condition(&mut self) -> String {
        let pipeline = self.pipeline(2);
        if self.rng.percent(25) {
            let name = format!("$c{}", self.rng.below(3));
            self.variables.push(name.clone());
            return format!("{name} := {pipeline}");
        }
        pipeline
    }

    fn range(&mut self, depth: usize) {
        let mark = self.variables.len();
        let over = self.range_over();
        let clause = match self.rng.below(4) {
            0 => over,
            1 => {
                self.variables.push("$e".into());
                format!("$e := {over}")
            }
            _ => {
                self.variables.extend(["$i".into(), "$e".into()]);
                format!("$i, $e := {over}")
            }
        };
        self.action(&format!("range {clause}"));
        self.loops += 1;
        self.block(depth);
        self.loops -= 1;
        if self.rng.percent(25) {
            self.action("else");
            self.block(depth);
        }
        self.action("end");
        self.variables.truncate(mark);
    }

    fn definition(&mut self, depth: usize) {
        let name = format!("t{}.{}", self.number, self.defined);
        if self.rng.percent(25) {
            let dot = self.dot();
            self.action(&format!("block \"{name}\" {dot}"));
        } else {
            self.action(&format!("define \"{name}\""));
        }
        // A definition sees no variable but its own root, stands in no loop,
        // and may not name itself: that takes a thousand rounds to fail.
        let variables = std::mem::take(&mut self.variables);
        let loops = std::mem::take(&mut self.loops);
        if depth == 0 {
            self.block(DEPTH - 1);
        } else {
            self.block(DEPTH);
        }
        self.variables = variables;
        self.loops = loops;
        self.action("end");
        self.defined += 1;
        let dot = self.dot();
        match self.rng.below(4) {
            0 => self.action(&format!("template \"{name}\" {dot}")),
            1 => self.action(&format!("template \"{name}\"")),
            2 => self.action(&format!("include \"{name}\" {dot} | nindent 2")),
            _ => self.action(&format!("include \"{name}\" {dot}")),
        }
    }

    fn tpl(&mut self) {
        let inner = self.pipeline(1).replace('`', "");
        let dot = self.dot();
        self.action(&format!("tpl `a{{{{ {inner} }}}}b` {dot}"));
    }
}
