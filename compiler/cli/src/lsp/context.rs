//! What a place in a text is waiting for, judged by the words and brackets before it: what is being written there cannot
//! be parsed yet.

/// What stands at the cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Context {
    /// Where the word that is being written begins.
    pub(super) start: usize,
    pub(super) place: Place,
}

/// What can be written at a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Nothing,
    /// A definition's keyword.
    Definition,
    /// One certain word.
    Word(&'static str),
    /// The language of a namespace.
    Language,
    Type,
    /// A field, after its id or before it.
    Field,
    Function,
    /// What a function throws.
    Exception,
    /// A service to extend.
    Service,
    Value(Wanted),
    /// The path of an include, within its quotes.
    IncludePath,
}

/// The types whose values are wanted, by the names they are written with.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted(Vec<String>);

impl Wanted {
    pub(super) fn names(&self, ty: &str) -> bool {
        self.0.iter().any(|name| name == ty)
    }
}

impl Context {
    /// What stands at a byte of a text.
    pub(super) fn at(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let mut scan = Scan { text: before, at: 0, tokens: Vec::new(), frames: Vec::new(), head: "" };
        if let Some(within) = scan.run() {
            return within;
        }
        let mut start = before.len();
        if let Some(Token { kind: Kind::Word(_), start: word, end, .. }) = scan.tokens.last()
            && *end == start
        {
            start = *word;
            scan.tokens.pop();
        }
        let last_end = scan.tokens.last().map_or(0, |token| token.end);
        let fresh = before.get(last_end..start).is_some_and(|between| between.contains('\n'));
        Self { start, place: scan.place(fresh) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind<'t> {
    Word(&'t str),
    Mark(u8),
    Text,
}

#[derive(Clone, Copy, Debug)]
struct Token<'t> {
    kind: Kind<'t>,
    start: usize,
    end: usize,
}

/// What the inside of a bracket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Struct,
    Enum,
    Service,
    Scope,
    Arguments,
    Throws,
    Annotations,
    Parameters,
    Value,
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token<'t>>,
    /// The brackets that are open: the mark, its token, and what is inside.
    frames: Vec<(u8, usize, Inside)>,
    /// The keyword of the definition that is being read.
    head: &'t str,
}

const DEFINITIONS: &[&str] =
    &["include", "namespace", "const", "typedef", "enum", "senum", "struct", "union", "exception", "service", "scope"];

impl<'t> Scan<'t> {
    /// Reads the text to its end, which is where the cursor is. Gives what that is if it is within a comment or string.
    fn run(&mut self) -> Option<Context> {
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() {
            let (start, rest) = (self.at, &self.text[self.at..]);
            let nothing = Some(Context { start: bytes.len(), place: Place::Nothing });
            match bytes[start] {
                b'/' | b'#' if rest.starts_with("//") || rest.starts_with('#') => match rest.find('\n') {
                    Some(length) => self.at += length,
                    None => return nothing,
                },
                b'/' if rest.starts_with("/*") => match rest[2..].find("*/") {
                    Some(length) => self.at += length + 4,
                    None => return nothing,
                },
                quote @ (b'"' | b'\'') => {
                    let line = rest.find('\n').map_or(rest, |end| &rest[..end]);
                    match closing(line.as_bytes(), quote) {
                        Some(end) => self.at += end,
                        // A string that has been forgotten to be closed ends with its line.
                        None if line.len() < rest.len() => self.at += line.len(),
                        None if self.word() == Some("include") => {
                            return Some(Context { start: start + 1, place: Place::IncludePath });
                        }
                        None => return nothing,
                    }
                    self.push(Kind::Text, start);
                }
                byte if is_word(byte) => {
                    let length = rest.bytes().position(|byte| !is_word(byte)).unwrap_or(rest.len());
                    self.at += length;
                    self.begin(&rest[..length], start);
                    self.push(Kind::Word(&rest[..length]), start);
                }
                byte if byte.is_ascii_punctuation() => {
                    self.at += 1;
                    self.bracket(byte);
                    self.push(Kind::Mark(byte), start);
                }
                _ => self.at += 1,
            }
        }
        None
    }

    fn push(&mut self, kind: Kind<'t>, start: usize) {
        self.tokens.push(Token { kind, start, end: self.at });
    }

    /// Takes note of a word that begins a definition. At the beginning of a line it does so whatever is still open.
    fn begin(&mut self, word: &'t str, start: usize) {
        if !DEFINITIONS.contains(&word) {
            return;
        }
        if start == 0 || self.text.as_bytes()[start - 1] == b'\n' {
            self.frames.clear();
        }
        if self.frames.is_empty() {
            self.head = word;
        }
    }

    fn bracket(&mut self, mark: u8) {
        let opening = match mark {
            b'{' | b'(' | b'[' | b'<' => {
                let inside = self.inside(mark);
                self.frames.push((mark, self.tokens.len(), inside));
                return;
            }
            b'}' => b'{',
            b')' => b'(',
            b']' => b'[',
            b'>' => b'<',
            _ => return,
        };
        if let Some(open) = self.frames.iter().rposition(|(mark, ..)| *mark == opening) {
            self.frames.truncate(open);
        }
    }

    /// What the inside of a bracket that opens here is.
    fn inside(&self, mark: u8) -> Inside {
        match (self.frames.last().map(|(_, _, inside)| *inside), mark) {
            (_, b'<') => Inside::Parameters,
            (Some(Inside::Value), _) | (_, b'[') => Inside::Value,
            (None, b'{') if self.mark() != Some(b'=') => match self.head {
                "struct" | "union" | "exception" => Inside::Struct,
                "enum" => Inside::Enum,
                "service" => Inside::Service,
                "scope" => Inside::Scope,
                _ => Inside::Value,
            },
            (Some(Inside::Service), b'(') => match self.word() {
                Some("throws") => Inside::Throws,
                Some(_) => Inside::Arguments,
                None => Inside::Annotations,
            },
            (_, b'{') => Inside::Value,
            _ => Inside::Annotations,
        }
    }

    /// The last token, where that is a word.
    fn word(&self) -> Option<&'t str> {
        match self.tokens.last()?.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    /// The last token, where that is a mark.
    fn mark(&self) -> Option<u8> {
        match self.tokens.last()?.kind {
            Kind::Mark(mark) => Some(mark),
            _ => None,
        }
    }

    /// What can stand at the end, which is on a line of its own if it is `fresh`.
    fn place(&self, fresh: bool) -> Place {
        let (word, mark) = (self.word(), self.mark());
        let begins = fresh || matches!(mark, Some(b'{' | b'(' | b',' | b';'));
        let equals = self.tokens.len().wrapping_sub(1);
        match self.frames.last().map(|(_, _, inside)| *inside) {
            None => self.top(fresh),
            Some(Inside::Struct | Inside::Arguments | Inside::Throws) if mark == Some(b'=') => {
                Place::Value(self.wanted(equals))
            }
            Some(Inside::Throws) if begins || mark == Some(b':') => Place::Exception,
            Some(Inside::Struct | Inside::Arguments) => match (word, mark) {
                (Some("required" | "optional"), _) => Place::Type,
                (_, Some(b':')) => Place::Field,
                _ if begins => Place::Field,
                _ => Place::Nothing,
            },
            Some(Inside::Parameters) if matches!(mark, Some(b'<' | b',')) => Place::Type,
            Some(Inside::Scope) if mark == Some(b':') => Place::Type,
            Some(Inside::Service) => match (word, mark) {
                (Some("oneway"), _) => Place::Word("void"),
                (_, Some(b')')) if !fresh => Place::Word("throws"),
                _ if begins => Place::Function,
                _ => Place::Nothing,
            },
            Some(Inside::Value) if begins || matches!(mark, Some(b'[' | b':')) => {
                let outermost = self.frames.iter().find(|(_, _, inside)| *inside == Inside::Value);
                Place::Value(outermost.map(|(_, token, _)| self.wanted(token.wrapping_sub(1))).unwrap_or_default())
            }
            Some(_) => Place::Nothing,
        }
    }

    fn top(&self, fresh: bool) -> Place {
        let before = self.tokens.len().checked_sub(2).map(|at| self.tokens[at].kind);
        match self.tokens.last().map(|token| token.kind) {
            None | Some(Kind::Mark(b'}' | b')' | b',' | b';') | Kind::Text) => Place::Definition,
            Some(Kind::Word("const" | "typedef")) => Place::Type,
            Some(Kind::Word("namespace")) => Place::Language,
            Some(Kind::Word("extends")) => Place::Service,
            Some(Kind::Mark(b'=')) => Place::Value(self.wanted(self.tokens.len() - 1)),
            _ if fresh => Place::Definition,
            Some(Kind::Word(_)) if before == Some(Kind::Word("service")) => Place::Word("extends"),
            Some(Kind::Word(_)) if before == Some(Kind::Word("scope")) => Place::Word("prefix"),
            Some(_) => Place::Nothing,
        }
    }

    /// The type, or those in `list<Format> formats =`, whose last token this is.
    fn wanted(&self, equals: usize) -> Wanted {
        let Some(last) = equals
            .checked_sub(2)
            .filter(|_| self.tokens.get(equals).is_some_and(|token| token.kind == Kind::Mark(b'=')))
        else {
            return Wanted::default();
        };
        let mut depth = 0_usize;
        let mut names = Vec::new();
        for token in self.tokens[..=last].iter().rev() {
            match token.kind {
                Kind::Word(name) => names.push(name.to_owned()),
                Kind::Mark(b'>') => depth += 1,
                Kind::Mark(b'<') => depth = depth.saturating_sub(1),
                Kind::Mark(b',') if depth > 0 => continue,
                _ => break,
            }
            if depth == 0 {
                break;
            }
        }
        Wanted(names)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.'
}

/// Where the string that a line begins with ends.
fn closing(line: &[u8], quote: u8) -> Option<usize> {
    let mut at = 1;
    while at < line.len() {
        match line[at] {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests;
