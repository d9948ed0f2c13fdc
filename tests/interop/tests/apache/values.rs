//! The same values for our types and for Apache's, which differ in that theirs hold every field that is not required in an `Option`.

/// Functions that make values of the types in `$idl`, with `$set` around each field without a modifier.
macro_rules! values {
    ($set:path, $($idl:ident)::+) => {
        pub(crate) use $($idl)::+::*;

        fn scalars(
            (yes, small, medium, number, large): (bool, i8, i16, i32, i64),
            ratio: f64,
            text: &str,
            blob: Vec<u8>,
            colour: Colour,
        ) -> Scalars {
            Scalars {
                yes: $set(yes),
                no: $set(!yes),
                small: $set(small),
                smaller: $set(small),
                medium: $set(medium),
                number: $set(number),
                large: $set(large),
                ratio: $set(ratio.into()),
                text: $set(text.into()),
                blob: $set(blob.into()),
                colour: $set(colour),
                id: $set(large),
            }
        }

        /// Numbers at their lower end, and nothing in what can be empty.
        pub(crate) fn least() -> Scalars {
            scalars((true, i8::MIN, i16::MIN, i32::MIN, i64::MIN), -0.0, "", vec![], Colour::NEGATIVE)
        }

        /// Numbers at their upper end, and an enum's number without a name.
        pub(crate) fn most() -> Scalars {
            let text = "h\u{e9}llo \u{1f980}\n\0\u{2028}";
            let blob = vec![0, 1, 0x7f, 0x80, 0xff];
            scalars((false, i8::MAX, i16::MAX, i32::MAX, i64::MAX), f64::MAX, text, blob, Colour(77))
        }

        fn empty() -> Containers {
            Containers {
                bools: $set(Default::default()),
                octets: $set(Default::default()),
                shorts: $set(Default::default()),
                numbers: $set(Default::default()),
                larges: $set(Default::default()),
                ratios: $set(Default::default()),
                texts: $set(Default::default()),
                blobs: $set(Default::default()),
                colours: $set(Default::default()),
                structs: $set(Default::default()),
                primes: $set(Default::default()),
                names: $set(Default::default()),
                ages: $set(Default::default()),
                by_number: $set(Default::default()),
                flags: $set(Default::default()),
                by_byte: $set(Default::default()),
                table: $set(Default::default()),
                deep: $set(Default::default()),
                index: $set(Default::default()),
                maps: $set(Default::default()),
                choices: $set(Default::default()),
            }
        }

        fn full() -> Containers {
            let text = |text: &str| text.to_owned();
            let deep = [(text("a"), vec![i16::MIN, 0, i16::MAX]), (text("b"), vec![])];
            Containers {
                bools: $set(vec![true, false, true]),
                octets: $set(vec![i8::MIN, -1, 0, 1, i8::MAX]),
                shorts: $set(vec![i16::MIN, -1, 0, 1, i16::MAX]),
                numbers: $set((0..300).map(|n| n * n - 1000).collect()),
                larges: $set(vec![i64::MIN, -(1 << 40), -1, 0, 1, 1 << 40, i64::MAX]),
                ratios: $set([-0.0, 0.0, 1.5, f64::MIN_POSITIVE, f64::INFINITY, f64::NEG_INFINITY].map(Into::into).to_vec()),
                texts: $set(["", "\u{fc}", "\u{1f980}\u{65e5}\u{672c}"].map(text).to_vec()),
                blobs: $set([vec![], vec![0xff; 200]].map(Into::into).to_vec()),
                colours: $set(vec![Colour::RED, Colour::NEGATIVE, Colour(77)]),
                structs: $set(vec![least(), most()]),
                primes: $set([-2, 3, 1 << 30].into()),
                names: $set(["a", "", "\u{e9}"].map(text).into()),
                ages: $set([(text(""), i64::MIN), (text("ann"), 1)].into()),
                by_number: $set((0..20).map(|n| (n, n.to_string())).collect()),
                flags: $set([(false, true), (true, false)].into()),
                by_byte: $set([(-1, least()), (1, most())].into()),
                table: $set(vec![vec![], vec![true], vec![false; 15]]),
                deep: $set([(i32::MIN, [].into()), (7, deep.into())].into()),
                index: $set([(text("x"), vec![i64::MAX])].into()),
                maps: $set(vec![[].into(), [(text("t"), true), (text("u"), false)].into()]),
                choices: $set([(9, Choice::Flag(false).into())].into()),
            }
        }

        fn gaps() -> Gaps {
            Gaps {
                first: $set(1),
                nearest: $set(16),
                far: $set(true),
                nearby: $set(false),
                nothing: $set(Empty {}),
                text: $set("far".into()),
                last: $set(i64::MIN),
            }
        }

        fn modifiers(set: bool) -> Modifiers {
            Modifiers {
                must: i32::MIN,
                may: set.then_some(-1),
                absent: None,
                preset: $set(if set { 7 } else { 42 }),
                greeting: Some(if set { "" } else { "hallo" }.to_owned()),
                flag: set,
                maybe: set.then_some(false),
                some: $set(if set { vec![] } else { vec![1, 2, 3] }),
                colour: $set(if set { Colour::BLUE } else { Colour::GREEN }),
            }
        }

        fn choices() -> Vec<Choice> {
            vec![
                Choice::Number(i64::MIN),
                Choice::Text("\u{e9}".into()),
                Choice::Flag(true),
                Choice::Flag(false),
                Choice::Many(vec![String::new(); 15]),
                Choice::Scalars(most().into()),
                Choice::Nothing(Empty {}.into()),
            ]
        }

        fn tree() -> Tree {
            let leaf = |value| Tree { value: $set(value), left: None, children: None };
            let children = vec![leaf(3).into(), leaf(4).into()];
            Tree { value: $set(1), left: Some(leaf(2).into()), children: Some(children) }
        }

        fn keys() -> Keys {
            Keys {
                sets: $set([vec![], vec!["a".to_owned(), String::new()]].into()),
                odd: $set([(vec![], [i64::MIN].into()), (vec![1, -1], [].into())].into()),
                doubles: $set([1.5, f64::NEG_INFINITY].map(Into::into).into()),
            }
        }

        pub(crate) fn refused() -> Refused {
            Refused { reason: $set("n\u{f3}".into()), code: $set(-1), why: Some(Choice::Number(5).into()) }
        }

        pub(crate) fn backwards() -> Backwards {
            Backwards { third: $set(3), second: $set(true), first: $set(-1) }
        }

        /// Nothing in it but what has to be.
        pub(crate) fn bare() -> Everything {
            Everything {
                scalars: $set(least()),
                containers: $set(empty()),
                gaps: $set(gaps()),
                modifiers: Some(modifiers(false)),
                choices: $set(vec![]),
                refused: $set(Refused { reason: $set(String::new()), code: $set(0), why: None }),
                tree: None,
                keys: None,
            }
        }

        /// All of it set, but for what Python does not have.
        pub(crate) fn rich() -> Everything {
            Everything {
                scalars: $set(most()),
                containers: $set(full()),
                gaps: $set(gaps()),
                modifiers: Some(modifiers(true)),
                choices: $set(choices()),
                refused: $set(refused()),
                tree: Some(tree().into()),
                keys: None,
            }
        }

        /// That too.
        pub(crate) fn whole() -> Everything {
            Everything { keys: Some(keys().into()), ..rich() }
        }
    };
}
