//! The codes: one number for each kind of finding, never given out twice.

/// Whether a finding stops the compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The files mean nothing, or something nobody can have meant.
    Error,
    /// The files work, and will surprise somebody.
    Warning,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal;)*) => {
        /// What kind of finding it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])* $name,)*
        }

        impl Code {
            /// Every code, errors first.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The code as it is printed: `E` for errors, `W` for warnings.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$name => $code,)*
                }
            }

            /// What it is, in one sentence.
            pub fn summary(self) -> &'static str {
                match self {
                    $(Code::$name => concat!($($doc),*).trim_ascii_start(),)*
                }
            }

            /// What it is, why it is wrong or unwise, an example and what to write instead, as Markdown.
            pub fn page(self) -> &'static str {
                match self {
                    $(Code::$name => include_str!(concat!("pages/", $code, ".md")),)*
                }
            }
        }
    };
}

codes! {
    /// The text is not IDL.
    Syntax = "E0001";
    /// A file that was asked for or included is not there or cannot be read.
    MissingFile = "E0002";
    /// A file includes itself, by whatever chain.
    IncludeCycle = "E0003";
    /// Nothing of this name is a type.
    UnknownType = "E0004";
    /// Two things in one place have one name.
    DuplicateName = "E0005";
    /// Two fields have one id.
    DuplicateFieldId = "E0006";
    /// Nothing of this name is a service.
    UnknownService = "E0007";
    /// What a function throws is no exception.
    NotAnException = "E0008";
    /// A oneway function with a result or exceptions.
    OnewayAnswers = "E0009";
    /// A value is not one of the type it is given for.
    WrongValue = "E0010";
    /// Nothing of this name is a constant.
    UnknownConstant = "E0011";
    /// A field id, enum number or other number does not fit.
    OutOfRange = "E0012";
    /// A definition is made of itself, so that no value of it could exist.
    EndlessDefinition = "E0013";
    /// A prefix variable no peer would accept.
    PrefixVariable = "E0014";
    /// Brackets nested deeper than anybody writes.
    TooDeep = "E0015";
    /// Two included files of one name both have it, so that nobody can say which is meant.
    AmbiguousInclude = "E0016";
    /// An enum whose numbers Thrift and Frugal count differently.
    EnumNumbering = "W0001";
    /// Something Thrift itself has given up.
    Deprecated = "W0002";
    /// A field without an id, which gets one that changes when fields move.
    MissingFieldId = "W0003";
    /// A scope whose name starts in lower case, which peers do not spell alike in topics.
    LowerCaseScope = "W0004";
    /// A constant gives a value for a field the struct does not have; Frugal passes over it.
    NoSuchField = "W0005";
    /// A value of one enum named as if it were of another; Thrift looks only at the last part of the name.
    OtherEnum = "W0006";
    /// An included file of which nothing is used.
    UnusedInclude = "W0007";
    /// A map with keys that many languages cannot look up.
    MapKey = "W0008";
    /// An annotation that silences a lint there is not.
    UnknownLint = "W0009";
}

impl Code {
    /// The code that is printed so, or whose lint has this name; in upper or lower case.
    pub fn named(name: &str) -> Option<Code> {
        let is_it = |code: &&Code| {
            name.eq_ignore_ascii_case(code.as_str()) || code.lint().is_some_and(|lint| name.eq_ignore_ascii_case(lint))
        };
        Code::ALL.iter().find(is_it).copied()
    }

    /// Whether it stops the compilation.
    pub fn severity(self) -> Severity {
        if self.as_str().starts_with('E') { Severity::Error } else { Severity::Warning }
    }
}
