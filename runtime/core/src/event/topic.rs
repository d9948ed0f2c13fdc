//! Topics: the names events are published to, made from a scope's prefix, its name and the operation.
//!
//! `prefix v1.music.{region}`, scope `AlbumWinners`, operation `Winner` and the region `emea` make the topic
//! `v1.music.emea.AlbumWinners.Winner`. A subscriber may give `*` for a variable to take every value of it.

use std::sync::{Arc, OnceLock};

use super::{Operation, Scope};
use crate::frame::{Headers, TOPIC_VARIABLE};
use crate::{Error, ErrorKind};

/// What an event is published to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Topic {
    /// The whole name.
    pub name: String,
    /// The name of the scope's stream: the scope's topic with every variable left open, `v1.music.{}.AlbumWinners`. A log
    /// keeps the events of one scope together, whatever the values of its variables, so that they share one order and
    /// one group commit.
    pub stream: Arc<str>,
}

/// What a subscription takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TopicFilter {
    /// A topic in which `*` stands for any one token and a final `>` for one or more.
    pub pattern: String,
    /// The stream the matching events are in.
    pub stream: Arc<str>,
}

impl TopicFilter {
    /// Whether this topic is one that the filter takes.
    ///
    /// ```
    /// use thriftwood_core::event::TopicFilter;
    ///
    /// let filter = TopicFilter { pattern: "v1.*.Winner".into(), stream: "".into() };
    /// assert!(filter.matches("v1.emea.Winner"));
    /// assert!(!filter.matches("v1.emea.apac.Winner"));
    /// ```
    pub fn matches(&self, topic: &str) -> bool {
        let mut tokens = topic.split('.');
        let mut pattern = self.pattern.split('.').peekable();
        while let Some(wanted) = pattern.next() {
            match (wanted, tokens.next()) {
                (">", Some(_)) if pattern.peek().is_none() => return true,
                ("*", Some(_)) => {}
                (wanted, Some(token)) if wanted == token => {}
                _ => return false,
            }
        }
        tokens.next().is_none()
    }
}

/// A scope with a value for each variable: everything of a topic but the operation.
#[derive(Clone, Debug)]
pub(super) struct ScopeTopic {
    scope: &'static Scope,
    values: Vec<String>,
    /// `v1.music.emea.AlbumWinners.`
    base: String,
    stream: Arc<str>,
    /// The prefix variables as every event's headers have them.
    headers: Headers,
    /// Whether all values can be in a topic that is published to.
    publishable: bool,
    /// The topics that were published to.
    known: Known,
}

/// A list of topics, one for each operation that was published: made once, found without a lock, and no longer than the scope's
/// list of operations.
#[derive(Clone, Debug, Default)]
struct Known(OnceLock<Box<(&'static str, Topic, Known)>>);

impl Known {
    fn find(&self, operation: &'static str, make: impl Fn() -> Topic) -> &Topic {
        let mut list = self;
        loop {
            let (name, topic, rest) = &**list.0.get_or_init(|| Box::new((operation, make(), Known::default())));
            // The same text most often, and so found without reading it.
            if std::ptr::eq(*name, operation) || *name == operation {
                return topic;
            }
            list = rest;
        }
    }
}

impl ScopeTopic {
    pub(super) fn new(scope: &'static Scope, values: Vec<String>) -> Self {
        let mut base = String::new();
        let mut stream = String::new();
        let tokens = scope.prefix.split('.').filter(|token| !token.is_empty());
        for token in tokens {
            let variable = token.strip_prefix('{').and_then(|token| token.strip_suffix('}'));
            let index = variable.and_then(|variable| scope.variables.iter().position(|name| *name == variable));
            match index.and_then(|index| values.get(index)) {
                Some(value) => {
                    base.push_str(value);
                    stream.push_str("{}");
                }
                None => {
                    base.push_str(token);
                    stream.push_str(token);
                }
            }
            base.push('.');
            stream.push('.');
        }
        base.push_str(scope.topic_name);
        base.push('.');
        stream.push_str(scope.topic_name);
        let mut headers = Headers::new();
        for (name, value) in scope.variables.iter().zip(&values) {
            headers.set(&format!("{TOPIC_VARIABLE}{name}"), value);
        }
        let mut this =
            Self { scope, values, base, stream: stream.into(), headers, publishable: false, known: Known::default() };
        this.publishable = this.check(false).is_ok();
        this
    }

    /// The headers that tell the values of the prefix variables.
    pub(super) fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The topic to publish to.
    pub(super) fn topic(&self, operation: &Operation) -> Result<&Topic, Error> {
        if !self.publishable {
            self.check(false)?;
        }
        let name = operation.name;
        Ok(self.known.find(name, || Topic { name: [&self.base, name].concat(), stream: Arc::clone(&self.stream) }))
    }

    /// The topics to subscribe to.
    pub(super) fn filter(&self, operation: &Operation) -> Result<TopicFilter, Error> {
        self.check(true)?;
        Ok(TopicFilter { pattern: format!("{}{}", self.base, operation.name), stream: Arc::clone(&self.stream) })
    }

    /// The prefix variables with their values.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.scope.variables.iter().copied().zip(self.values.iter().map(String::as_str))
    }

    /// Values are put into the topic as they are; dots are allowed, as everywhere in Frugal, and add tokens.
    fn check(&self, wildcards: bool) -> Result<(), Error> {
        for (name, value) in self.variables() {
            let problem = if value.split('.').any(str::is_empty) {
                "is empty, or has an empty part between dots"
            } else if value.contains(|c: char| c.is_whitespace() || c.is_control()) {
                "contains white space"
            } else if value.split('.').any(|token| token == ">") {
                "is `>`, which takes the rest of a topic, operation and all; a subscriber gives `*` to take every value"
            } else if !wildcards && value.split('.').any(|token| token == "*") {
                "is a wildcard, which only a subscriber may give"
            } else {
                continue;
            };
            let text =
                format!("prefix variable `{name}` of scope `{}`: the value {value:?} {problem}", self.scope.name);
            return Err(Error::new(ErrorKind::InvalidName, text));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_events_of_a_scope_are_in_one_stream_whatever_its_variables_are() {
        static WINNERS: Scope = Scope {
            name: "AlbumWinners",
            topic_name: "AlbumWinners",
            prefix: "v1.{user}.music.{region}",
            variables: &["user", "region"],
        };
        static PLAIN: Scope = Scope { name: "plain", topic_name: "Plain", prefix: "", variables: &[] };
        static WINNER: Operation = Operation { scope: &WINNERS, name: "Winner", annotations: &[], payload: None };
        static OTHER: Operation = Operation { scope: &PLAIN, name: "Other", annotations: &[], payload: None };
        for values in [["bill", "emea"], ["a.b", "apac"]] {
            let scope = ScopeTopic::new(&WINNERS, values.map(str::to_owned).to_vec());
            let (topic, filter) = (scope.topic(&WINNER).unwrap(), scope.filter(&WINNER).unwrap());
            assert_eq!(topic.name, format!("v1.{}.music.{}.AlbumWinners.Winner", values[0], values[1]));
            assert_eq!(filter.pattern, topic.name);
            for stream in [&topic.stream, &filter.stream] {
                assert_eq!(&**stream, "v1.{}.music.{}.AlbumWinners");
            }
        }
        let topic = ScopeTopic::new(&PLAIN, Vec::new()).topic(&OTHER).unwrap().clone();
        assert_eq!((&*topic.name, &*topic.stream), ("Plain.Other", "Plain"));
    }
}
