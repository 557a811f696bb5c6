//! From the text of an expression to its steps.

use templates_compat::gofmt::quote::{Unquoted, unquote_char};

use super::{MAX_DEPTH, Node, Param};

/// Reads a whole template: text, and actions in braces.
///
/// # Errors
/// What is wrong, in the words of Kubernetes' tools.
pub(super) fn parse(text: &str, depth: usize) -> Result<Vec<Node>, String> {
    if depth > MAX_DEPTH {
        return Err("expressions are nested too deeply".into());
    }
    let mut parser = Parser { text, at: 0, depth };
    let mut nodes = Vec::new();
    while !parser.rest().is_empty() {
        let end = parser.rest().find('{').unwrap_or(parser.rest().len());
        if end > 0 {
            nodes.push(Node::Text(parser.rest()[..end].into()));
            parser.at += end;
            continue;
        }
        parser.at += 1;
        nodes.push(Node::List(parser.action()?));
    }
    Ok(nodes)
}

/// Reads what stands in braces.
fn parse_action(text: &str, depth: usize) -> Result<Vec<Node>, String> {
    match parse(&format!("{{{text}}}"), depth + 1)?.into_iter().next() {
        Some(Node::List(nodes)) => Ok(nodes),
        _ => Ok(Vec::new()),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// What stands before the first character that the test holds for.
    fn until(&mut self, stop: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest().find(stop).unwrap_or(self.rest().len());
        let found = &self.rest()[..end];
        self.at += end;
        found
    }

    fn action(&mut self) -> Result<Vec<Node>, String> {
        let mut nodes = Vec::new();
        loop {
            if self.rest().starts_with('}') {
                self.at += 1;
                return Ok(nodes);
            } else if self.rest().starts_with("[?(") {
                self.at += 3;
                nodes.push(self.filter()?);
                continue;
            } else if self.rest().starts_with("..") {
                if nodes.last() == Some(&Node::Recursive) {
                    return Err("invalid multiple recursive descent".into());
                }
                self.at += 2;
                nodes.push(Node::Recursive);
                if self.rest().chars().next().is_some_and(is_word) {
                    nodes.push(self.field());
                }
                continue;
            }
            match self.next() {
                None | Some('\r' | '\n') => return Err("unclosed action".into()),
                Some(' ' | '@' | '$') => {}
                Some('[') => self.array(&mut nodes)?,
                Some(quote @ ('"' | '\'')) => nodes.push(self.quoted(quote)?),
                Some('.') => nodes.push(self.field()),
                Some(c) if c == '+' || c == '-' || c.is_numeric() => {
                    self.at -= c.len_utf8();
                    nodes.push(self.number()?);
                }
                Some(c) if is_word(c) => {
                    self.at -= c.len_utf8();
                    nodes.push(match self.until(is_terminator) {
                        "true" => Node::Bool(true),
                        "false" => Node::Bool(false),
                        name => Node::Identifier(name.to_owned()),
                    });
                }
                Some(c) => return Err(format!("unrecognized character in action: U+{:04X} '{c}'", u32::from(c))),
            }
        }
    }

    /// A name; a backslash keeps what would end it.
    fn field(&mut self) -> Node {
        let start = self.at;
        while let Some(c) = self.rest().chars().next().filter(|c| !is_terminator(*c)) {
            self.at += c.len_utf8();
            if c == '\\' {
                self.next();
            }
        }
        match &self.text[start..self.at] {
            "*" => Node::Wildcard,
            name => Node::Field(name.replace('\\', "")),
        }
    }

    fn number(&mut self) -> Result<Node, String> {
        let start = self.at;
        if self.rest().starts_with(['+', '-']) {
            self.at += 1;
        }
        self.until(|c| c != '.' && !c.is_numeric());
        let text = &self.text[start..self.at];
        if let Ok(number) = text.parse() {
            return Ok(Node::Int(number));
        }
        text.parse().map(Node::Float).map_err(|_| format!("cannot parse number {text}"))
    }

    fn quoted(&mut self, quote: char) -> Result<Node, String> {
        let start = self.at;
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated quoted string".into()),
                Some(c) if c == quote && self.text.as_bytes().get(self.at.wrapping_sub(2)) != Some(&b'\\') => break,
                Some(_) => {}
            }
        }
        let inside = &self.text.as_bytes()[start..self.at - 1];
        let mut text = Vec::new();
        let mut rest = inside;
        while !rest.is_empty() {
            let plain = rest.iter().position(|b| *b == b'\\').unwrap_or(rest.len());
            text.extend_from_slice(&rest[..plain]);
            rest = &rest[plain..];
            if rest.is_empty() {
                break;
            }
            let Some((unquoted, length)) = unquote_char(rest, quote as u8) else {
                let whole = &self.text[start - 1..self.at];
                return Err(format!("unquote string {whole} error invalid syntax"));
            };
            match unquoted {
                Unquoted::Byte(byte) => text.push(byte),
                Unquoted::Rune(c) => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            rest = &rest[length..];
        }
        Ok(Node::Text(text))
    }

    /// `[0]`, `[1:]`, `['key']`, `[0,2]`, `[*]`
    fn array(&mut self, nodes: &mut Vec<Node>) -> Result<(), String> {
        let text = self.until(|c| c == ']' || c == '\n');
        if self.next() != Some(']') {
            return Err("unterminated array".into());
        }
        let text = if text == "*" { ":" } else { text };
        if text.contains(',') {
            let parts = text.split(',').map(|part| parse_action(&format!("[{}]", part.trim_matches(' ')), self.depth));
            nodes.push(Node::Union(parts.collect::<Result<_, _>>()?));
            return Ok(());
        }
        let key = text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')).filter(|k| !k.contains('\''));
        if let Some(key) = key {
            nodes.extend(parse_action(&format!(".{key}"), self.depth)?);
            return Ok(());
        }
        nodes.push(Node::Array(params(text)?));
        Ok(())
    }

    fn filter(&mut self) -> Result<Node, String> {
        let start = self.at;
        let (mut pair, mut ended) = (None, false);
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated filter".into()),
                Some(c @ ('"' | '\'')) => match pair {
                    None => pair = Some(c),
                    Some(open) => {
                        let escaped = self.text.as_bytes().get(self.at.wrapping_sub(2)) == Some(&b'\\');
                        ended |= !escaped && c == open;
                    }
                },
                Some(')') if pair.is_some() == ended => break,
                Some(_) => {}
            }
        }
        let text = &self.text[start..self.at - 1];
        if self.next() != Some(']') {
            return Err("unclosed array expect ]".into());
        }
        let is_operator = |c: char| matches!(c, '!' | '<' | '>' | '=');
        if let Some(at) = text.find(is_operator).filter(|at| *at > 0) {
            let mut length = text[at..].find(|c| !is_operator(c)).unwrap_or(text.len() - at);
            // The right side has at least one character, an operator's if need be.
            if at + length == text.len() {
                length -= 1;
            }
            let (operator, right) = text[at..].split_at(length);
            if !operator.is_empty() && !right.contains('\n') {
                let left = parse_action(&text[..at], self.depth)?;
                let right = parse_action(right, self.depth)?;
                return Ok(Node::Filter { left, operator: operator.to_owned(), right });
            }
        }
        Ok(Node::Filter { left: parse_action(text, self.depth)?, operator: "exists".into(), right: Vec::new() })
    }
}

/// `start`, `start:end`, `start:end:step`, each of them optional.
fn params(text: &str) -> Result<[Param; 3], String> {
    let number = |part: &str| {
        let digits = part.strip_prefix('-').unwrap_or(part);
        digits.bytes().all(|b| b.is_ascii_digit())
    };
    let parts: Vec<&str> = text.split(':').collect();
    if parts.len() > 3 || !parts.iter().all(|part| number(part)) {
        return Err(format!("invalid array index {text}"));
    }
    let mut params = [Param::default(); 3];
    for (i, param) in params.iter_mut().enumerate() {
        if let Some(part) = parts.get(i).filter(|part| !part.is_empty()) {
            param.value = part.parse().map_err(|_| format!("array index {part} is not a number"))?;
            param.known = true;
        }
    }
    if parts.len() == 1 {
        params[1] = Param { value: params[0].value + 1, known: true, derived: true };
    }
    Ok(params)
}

fn is_terminator(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}')
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphabetic() || c.is_numeric()
}
