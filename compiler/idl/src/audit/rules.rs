//! The rules, as data: one row for each, with the id it is known by, how bad a breach is, and what it is for.

use crate::diagnostics::{Severity, nearest};

macro_rules! rules {
    ($($name:ident $id:literal $severity:ident { $purpose:literal, $why:literal, $advice:literal })*) => {
        /// One rule a new contract has to keep, to be safe beside the old one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $(#[doc = $purpose] $name,)*
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Rule] = &[$(Rule::$name),*];

            /// The name by which it is printed, explained and allowed. Ids are stable.
            pub fn id(self) -> &'static str {
                match self {
                    $(Rule::$name => $id,)*
                }
            }

            /// What a breach is: an error breaks somebody who is deployed, a warning surprises somebody who compiles.
            pub fn severity(self) -> Severity {
                match self {
                    $(Rule::$name => Severity::$severity,)*
                }
            }

            /// What the rule asks for, in one sentence.
            pub fn purpose(self) -> &'static str {
                match self {
                    $(Rule::$name => $purpose,)*
                }
            }

            /// Whom a breach hurts, and how.
            pub fn why(self) -> &'static str {
                match self {
                    $(Rule::$name => $why,)*
                }
            }

            /// What to do instead.
            pub fn advice(self) -> &'static str {
                match self {
                    $(Rule::$name => $advice,)*
                }
            }
        }
    };
}

rules! {
    ScopeRemoved "scope-removed" Error {
        "No scope is removed.",
        "Publishers of the old contract publish to topics that nobody with the new one can subscribe to, and its \
         subscribers wait for events that never come.",
        "keep the scope until nobody publishes or subscribes to it"
    }
    PrefixChanged "prefix-changed" Error {
        "The topics of a scope stay the same; only the names of prefix variables may change.",
        "The prefix is part of every topic. Old and new publishers and subscribers would meet on different topics, and \
         nobody would be told.",
        "declare a second scope with the new prefix, and publish to both for as long as both are read"
    }
    OperationRemoved "operation-removed" Error {
        "No operation of a scope is removed.",
        "Old subscribers wait for an event that is never published again, and events of old publishers are read by \
         nobody.",
        "keep the operation until nobody publishes or subscribes to it"
    }
    OperationTypeChanged "operation-type-changed" Error {
        "The payload of an operation keeps its type.",
        "A subscriber reads what was published as the type it knows. Another type is an error at best, and wrong values \
         at worst.",
        "add an operation with the new type, and publish both for as long as both are read"
    }
    NamespaceChanged "namespace-changed" Warning {
        "A namespace keeps its name.",
        "Nothing changes on the wire, but generated code moves, and code that uses it has to follow.",
        "leave the namespace as it was, or change the code that names it"
    }
    NamespaceRemoved "namespace-removed" Warning {
        "No namespace is removed.",
        "Nothing changes on the wire, but generated code moves to a place named after the file, or to that of \
         `namespace *`.",
        "leave the namespace there, or change the code that names it"
    }
    ConstTypeChanged "const-type-changed" Warning {
        "A constant keeps its type.",
        "Nothing changes on the wire, but code that uses the constant may not compile any more.",
        "add a constant of the new type under another name"
    }
    ConstValueChanged "const-value-changed" Warning {
        "A constant keeps its value.",
        "Each side has compiled in the value it was built with, so that the two disagree for as long as both run.",
        "be sure that the two values may be in use side by side"
    }
    ConstRemoved "const-removed" Warning {
        "No constant is removed.",
        "Nothing changes on the wire, but code that uses the constant does not compile any more.",
        "keep the constant for as long as code uses it"
    }
    EnumRemoved "enum-removed" Warning {
        "No enum is removed.",
        "An enum travels as a number, so that nothing breaks where no field has this type any more; code that names it \
         does not compile.",
        "keep the enum for as long as code uses it"
    }
    EnumValueRemoved "enum-value-removed" Error {
        "No number of an enum is removed.",
        "A side with the old contract goes on sending the number, and many peers refuse a number that has no name.",
        "keep the value, annotated (deprecated = \"why\")"
    }
    EnumValueRenamed "enum-value-renamed" Warning {
        "The numbers of an enum keep their names.",
        "The number travels, not the name, so that nothing breaks on the wire. Check that only the name has changed and \
         not what it means; two values that swapped their numbers look like this.",
        "keep the name, or change the code that uses it"
    }
    StructRemoved "struct-removed" Error {
        "No struct, union or exception is removed or becomes one of another kind.",
        "Whoever has the old contract goes on sending and expecting it.",
        "keep it until nothing that is deployed uses it"
    }
    ServiceRemoved "service-removed" Error {
        "No service is removed.",
        "Every call of an old client fails.",
        "keep the service until no client of it is deployed"
    }
    ExtendsChanged "extends-changed" Error {
        "A service that extends another goes on extending it; one that extends none may begin to.",
        "The inherited functions are part of the service, and old clients call them.",
        "extend the same service as before"
    }
    MethodRemoved "method-removed" Error {
        "No function of a service is removed.",
        "Old clients get UNKNOWN_METHOD for every call of it. A function that has moved to a service that this one \
         extends is still there.",
        "keep the function, annotated (deprecated = \"why\"), until no client calls it"
    }
    MethodRenamed "method-renamed" Warning {
        "A function keeps its name, also the case of its first letter.",
        "The first letter is in lower case on the wire, so that nothing breaks there; code that uses the name has to \
         follow.",
        "keep the name, or change the code that uses it"
    }
    OnewayChanged "oneway-changed" Error {
        "A oneway function stays oneway, and no other becomes one.",
        "One side waits for an answer that the other never sends, or is sent one it does not read.",
        "add a function under another name"
    }
    ReturnTypeChanged "return-type-changed" Error {
        "A function keeps its result type.",
        "An old client reads the result as the type it knows, and finds none or a wrong one.",
        "add a function under another name, with the new result"
    }
    VoidThrowsAdded "void-throws-added" Error {
        "A function without a result and without exceptions does not begin to throw.",
        "Old clients look for nothing in the answer, so that an exception would pass for success.",
        "add a function under another name, with the exceptions"
    }
    VoidThrowsRemoved "void-throws-removed" Error {
        "A function without a result keeps at least one of its exceptions.",
        "Peers read an answer that can hold nothing in another way than one that can.",
        "keep the `throws`, even if nothing is thrown any more"
    }
    FieldTypeChanged "field-type-changed" Error {
        "A field, argument or declared exception keeps its type.",
        "The type is written before the value. A reader that expects another one skips the value or fails, and between \
         types of one form reads wrong values.",
        "add a field with a new id and the new type, and leave this one as it was"
    }
    FieldPresenceChanged "field-presence-changed" Error {
        "A field that is required stays required, and no other becomes it.",
        "A reader that requires the field refuses everything in which a writer that does not require it left it out.",
        "leave the field as it was; new fields are best made optional"
    }
    FieldDefaultChanged "field-default-changed" Warning {
        "A field keeps its default value.",
        "Each side takes its own default for a field that was not sent, so that the two see different values in one \
         message.",
        "be sure that both defaults may be in use side by side"
    }
    FieldRenamed "field-renamed" Warning {
        "A field keeps its name.",
        "The id travels in the binary and compact protocols, not the name; code and JSON use the name. Check that only \
         the name has changed and not what it means.",
        "keep the name, or change the code that uses it"
    }
    FieldRemoved "field-removed" Error {
        "Only an optional field is removed.",
        "Readers with the old contract take a field that is not optional for given: some refuse the message, the others \
         go on with an empty value.",
        "keep the field, or make it optional wherever it is deployed before you remove it"
    }
    FieldAddedInTheMiddle "field-added-in-the-middle" Warning {
        "The id of a new field is larger or smaller than those of all old fields.",
        "An id between old ones has often been in use before, and old messages and peers may still carry it with another \
         meaning.",
        "give the field the next id after the largest"
    }
    RequiredFieldAdded "required-field-added" Error {
        "No new field is required.",
        "Nothing that is deployed sends the field, so that everything it sends is refused.",
        "make the field optional, or give it a default and leave `required` out"
    }
    FileRemoved "file-removed" Warning {
        "No file with definitions of its own is left out of what is included.",
        "What it defines has no part in the contract any more. Fields, arguments and results that used it are reported \
         on their own; its services and scopes are not audited.",
        "include the file, or audit it on its own"
    }
}

impl Rule {
    /// The rule of this id.
    ///
    /// # Errors
    /// There is none, in words, with the one that was perhaps meant.
    pub fn from_id(id: &str) -> Result<Rule, String> {
        let find = |id: &str| Rule::ALL.iter().copied().find(|rule| rule.id() == id);
        find(id).ok_or_else(|| match nearest(id, Rule::ALL.iter().map(|rule| rule.id())) {
            Some(near) => format!("there is no rule `{id}`; did you mean `{near}`?"),
            None => format!("there is no rule `{id}`; `thriftwood audit --list` shows them all"),
        })
    }

    /// The rule for people: id, severity, purpose, reason and advice, in lines for a terminal.
    pub fn explain(self) -> String {
        let level = match self.severity() {
            Severity::Error => "error: a breach breaks what is deployed",
            Severity::Warning => "warning: a breach breaks nothing that is deployed",
        };
        let [purpose, why, advice] = [self.purpose(), self.why(), &sentence(self.advice())].map(wrap);
        format!("{} ({level})\n\n{purpose}\n\n{why}\n\n{advice}\n", self.id())
    }
}

/// An advice as a sentence of its own.
fn sentence(advice: &str) -> String {
    let mut letters = advice.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

/// Breaks lines at 80 characters.
fn wrap(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= 80 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}
