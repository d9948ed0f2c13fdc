//! Lays JSON out for people: two spaces for each level, and colours on a terminal.

/// Marks of a terminal's colours: ECMA-48, section 8.3.117.
const KEY: &str = "\u{1b}[1;34m";
const STRING: &str = "\u{1b}[32m";
const NUMBER: &str = "\u{1b}[36m";
const PLAIN: &str = "\u{1b}[0m";

/// The same JSON over several lines. Takes text without white space, as the runtime prints it.
pub(crate) fn pretty(json: &str, colour: bool) -> String {
    let mut out = String::new();
    let mut depth = 0;
    let mut rest = json;
    while let Some(c) = rest.chars().next() {
        match c {
            '{' | '[' => {
                let empty = rest[1..].starts_with(['}', ']']);
                out.push(c);
                rest = &rest[1..];
                if empty {
                    out += &rest[..1];
                    rest = &rest[1..];
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = usize::saturating_sub(depth, 1);
                line(&mut out, depth);
                out.push(c);
                rest = &rest[1..];
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
                rest = &rest[1..];
            }
            ':' => {
                out += ": ";
                rest = &rest[1..];
            }
            _ => {
                let (token, after) = rest.split_at(token(rest));
                let mark = match (c, after.starts_with(':')) {
                    ('"', true) => KEY,
                    ('"', false) => STRING,
                    _ => NUMBER,
                };
                out += &if colour { format!("{mark}{token}{PLAIN}") } else { token.to_owned() };
                rest = after;
            }
        }
    }
    out
}

/// How long the string, number or word is with which a text starts, in bytes.
fn token(text: &str) -> usize {
    let Some(inside) = text.strip_prefix('"') else {
        return text.find([',', '}', ']', ':']).unwrap_or(text.len());
    };
    let mut escaped = false;
    let end = inside.find(|c| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    });
    end.map_or(text.len(), |end| end + 2)
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn parts_stand_on_lines_of_their_own() {
        let json = r#"{"a":[1,-2.5],"b":{},"c":[],"d\"}":"x,\\","e":{"f":null}}"#;
        let expected = r#"{
  "a": [
    1,
    -2.5
  ],
  "b": {},
  "c": [],
  "d\"}": "x,\\",
  "e": {
    "f": null
  }
}"#;
        assert_eq!(pretty(json, false), expected);
        assert_eq!(pretty("null", false), "null");
    }

    #[test]
    fn a_terminal_has_colours() {
        let expected = "{\n  \u{1b}[1;34m\"a\"\u{1b}[0m: \u{1b}[32m\"b\"\u{1b}[0m,\n  \u{1b}[1;34m\"c\"\u{1b}[0m: \u{1b}[36mtrue\u{1b}[0m\n}";
        assert_eq!(pretty(r#"{"a":"b","c":true}"#, true), expected);
    }
}
