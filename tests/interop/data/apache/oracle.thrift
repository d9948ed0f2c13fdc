// Every construct that Apache Thrift 0.17 has a wire form for: what its generated code writes and reads is held against ours.
namespace py oracle
namespace rs oracle

typedef i64 Id
typedef map<string, list<Id>> Index

enum Colour { RED = 1, GREEN = 2, BLUE = 10, NEGATIVE = -5 } (lint.allow = "enum-numbering")

const i32 ANSWER = 42

struct Empty {}

struct Scalars {
    1: bool yes,
    2: bool no,
    3: byte small,
    4: i8 smaller,
    5: i16 medium,
    6: i32 number,
    7: i64 large,
    8: double ratio,
    9: string text,
    10: binary blob,
    11: Colour colour,
    12: Id id,
}

struct Containers {
    1: list<bool> bools,
    2: list<byte> octets,
    3: list<i16> shorts,
    4: list<i32> numbers,
    5: list<i64> larges,
    6: list<double> ratios,
    7: list<string> texts,
    8: list<binary> blobs,
    9: list<Colour> colours,
    10: list<Scalars> structs,
    11: set<i32> primes,
    12: set<string> names,
    13: map<string, i64> ages,
    14: map<i32, string> byNumber,
    15: map<bool, bool> flags,
    16: map<byte, Scalars> byByte,
    17: list<list<bool>> table,
    18: map<i32, map<string, list<i16>>> deep,
    19: Index index,
    20: list<map<string, bool>> maps,
    21: map<Id, Choice> choices,
}

/** What Python cannot have as a key, since its lists have no hash. */
struct Keys {
    1: set<list<string>> sets,
    2: map<list<i32>, set<Id>> odd (lint.allow = "map-key"),
    3: set<double> doubles,
}

/** Ids that are further apart than a step of the compact protocol. */
struct Gaps {
    1: i32 first,
    15: i32 nearest,
    32: bool far,
    33: bool nearby,
    1000: Empty nothing,
    1001: string text,
    32767: i64 last,
}

/**
 * Fields that are written as they stand here by us, and by their ids by Apache. In compact, the step of 15 is the longest that
 * one byte holds; the `thrift` crate writes it as a whole id nevertheless, its other libraries do not.
 */
struct Backwards {
    300: i32 third,
    1: i64 first,
    16: bool second,
}

struct Modifiers {
    1: required i32 must,
    2: optional i32 may,
    3: optional i32 absent,
    4: i32 preset = ANSWER,
    5: optional string greeting = "hallo",
    6: required bool flag,
    7: optional bool maybe,
    8: list<i32> some = [1, 2, 3],
    9: Colour colour = Colour.GREEN,
}

union Choice {
    1: i64 number,
    2: string text,
    3: bool flag,
    4: list<string> many,
    5: Scalars scalars,
    6: Empty nothing,
}

exception Refused {
    1: string reason,
    2: i32 code,
    3: optional Choice why,
}

struct Tree {
    1: i32 value,
    2: optional Tree left,
    3: optional list<Tree> children,
}

struct Everything {
    1: Scalars scalars,
    2: Containers containers,
    3: Gaps gaps,
    4: Modifiers modifiers,
    5: list<Choice> choices,
    6: Refused refused,
    7: optional Tree tree,
    8: optional Keys keys,
}

/** What an older program knows of `Everything`. */
struct Older {
    2: OlderContainers containers,
    3: OlderGaps gaps,
    9: i32 after,
}

struct OlderContainers {
    4: list<i32> numbers,
    15: map<bool, bool> flags,
}

struct OlderGaps {
    33: bool nearby,
    1001: string text,
}

/** A program that takes a field of `Everything` for something else. */
struct Mistaken {
    1: string scalars,
    2: i32 containers,
    5: map<i32, i32> choices,
    6: Refused refused,
}

service Parent {
    void ping(),
}

service Oracle extends Parent {
    Everything echo(1: Everything value) throws (1: Refused refused),
    oneway void tell(1: string text),
    bool flag(1: bool on),
}
