//! What options and annotations change in generated code.

mod options {
    include!("golden/options.rs");
}

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use idl::{Choices, Crew, Denied, Found, GetError, Name, User, UserId, UsersClient, UsersMock, Weight};
use idl::{Foreign, Label, Stale, Unlabelled};
use idl::{Gone, Key, Page, PagesClient, PagesMock, Part, TitleError};
use options::golden::options as idl;
use thriftwood::bytes::Bytes;
use thriftwood::bytestring::ByteString;
use thriftwood::codec::{Protocol, TotalF64, binary};
use thriftwood::{Context, RpcErrorKind};

#[test]
fn a_newtype_is_a_type_of_its_own_with_the_wire_form_of_what_it_holds() {
    let id = UserId::from(7);
    assert_eq!((id.0, i64::from(id), id.to_string().as_str()), (7, 7, "7"));
    assert_eq!(binary::to_bytes(&id), binary::to_bytes(&7_i64));
    assert_eq!(Name::from("ann"), Name("ann".to_owned()));
}

#[test]
fn an_exception_shows_its_message_where_there_is_text_in_it() {
    assert_eq!(Stale::default().to_string(), "Stale { message: None, age: 0 }");
    assert_eq!(Stale::default().with_message("").to_string(), r#"Stale { message: Some(""), age: 0 }"#);
    assert_eq!(Stale::default().with_message("old").to_string(), "Stale: old");
    assert_eq!(Foreign::default().with_message("no").to_string(), "Foreign: no");
    assert_eq!(Foreign::default().to_string(), r#"Foreign { message: Name(""), age: 0 }"#);
    assert_eq!(Unlabelled::default().with_message(Label::from("no")).to_string(), "Unlabelled: no");
    assert_eq!(Unlabelled::default().to_string(), "Unlabelled { message: None }");
}

#[test]
fn constants_and_defaults_are_wrapped_as_often_as_their_types_are() {
    assert_eq!((idl::ROOT, idl::SEVENTH, idl::ROOT_NUMBER), (UserId(1), UserId(7), 1));
    assert_eq!(*idl::FIRST, Crew(vec![UserId(1), UserId(2)]));
    let user = User::new(UserId(3));
    assert_eq!((user.name, user.owner, user.crew), (Name::from("nobody"), None, Crew::default()));
}

#[test]
fn types_derive_what_the_build_script_asks_for() {
    let mut user = User::new(UserId(1));
    user.weights.insert(UserId(2), Weight(2.5));
    let found = Found::User(user.clone());
    let text = serde_json::to_string(&found).unwrap();
    assert!(text.contains(r#""weights":{"2":2.5}"#), "{text}");
    assert_eq!(serde_json::from_str::<Found>(&text).unwrap(), found);
    let numbers = Found::Numbers([TotalF64(1.5)].into());
    let there = serde_json::to_string(&numbers).unwrap();
    assert_eq!(serde_json::from_str::<Found>(&there).unwrap(), numbers);
    let unknown: Found = binary::from_bytes(&vec![8, 0, 9, 0, 0, 0, 1, 0].into()).unwrap();
    let there = serde_json::to_string(&unknown).unwrap();
    assert_eq!(serde_json::from_str::<Found>(&there).unwrap(), unknown);
}

#[test]
fn an_unknown_field_that_is_no_value_of_its_type_is_refused_by_serde() {
    let unknown: Found = binary::from_bytes(&vec![8, 0, 9, 0, 0, 0, 1, 0].into()).unwrap();
    let text = serde_json::to_string(&unknown).unwrap();
    for wrong in ["[0,0,0]", "[0,0,0,1,2]", "[]"] {
        let text = text.replace("[0,0,0,1]", wrong);
        assert!(text.contains(wrong), "{text}");
        serde_json::from_str::<Found>(&text).unwrap_err();
    }
}

#[test]
fn what_a_struct_does_not_know_it_keeps_and_passes_on() {
    let newer = [11, 0, 9, 0, 0, 0, 1, b'x'];
    let mut bytes = binary::to_bytes(&*idl::EMPTY);
    bytes.splice(bytes.len() - 1.., newer.into_iter().chain([0]));
    let parcel: idl::Parcel = binary::from_bytes(&bytes.clone().into()).unwrap();
    assert_eq!((parcel.label.as_str(), parcel.weight, parcel.unknown_fields[0].id()), ("nothing", 3, 9));
    assert_eq!(binary::to_bytes(&parcel), bytes);
    let anything: idl::Anything = binary::from_bytes(&bytes.clone().into()).unwrap();
    assert_eq!(binary::to_bytes(&anything), bytes);
}

#[test]
fn the_rust_type_that_is_chosen_changes_no_byte() {
    let chosen = Choices::new("a")
        .with_alias("b")
        .with_raw(*b"raw")
        .with_parts([("c".into(), vec![b"d".to_vec()])].into())
        .with_tally([("e".into(), 1)].into())
        .with_seats([7].into())
        .with_names(["f".into()].into())
        .with_ratios([("g".to_owned(), 0.5)].into())
        .with_rows(vec![[8].into()]);
    let bytes = binary::to_bytes(&chosen);
    assert_eq!(binary::from_bytes::<Choices>(&bytes.clone().into()).unwrap(), chosen);
    assert_eq!(binary::to_bytes(&Arc::<str>::from("a")), binary::to_bytes(&"a".to_owned()));
    assert_eq!(binary::to_bytes(&b"ab".to_vec()), binary::to_bytes(&Bytes::from_static(b"ab")));
    assert_eq!(binary::to_bytes(&HashSet::from([1])), binary::to_bytes(&BTreeSet::from([1])));
    assert_eq!(binary::to_bytes(&HashMap::from([(1, 2)])), binary::to_bytes(&BTreeMap::from([(1, 2)])));
    let text = serde_json::to_string(&chosen).unwrap();
    assert_eq!(serde_json::from_str::<Choices>(&text).unwrap(), chosen);
}

#[test]
fn a_constant_serves_where_another_rust_type_stands_for_its_type() {
    let choices = Choices::new("a");
    assert_eq!((&*idl::TALLY, &choices.ordered), (&choices.tally, &choices.tally.clone().into_iter().collect()));
    assert_eq!((choices.seats, idl::FRONT.len()), (idl::FRONT.iter().copied().collect(), 2));
    assert_eq!((choices.raw.as_slice(), choices.seal.as_ref()), (idl::SEAL, idl::SEAL));
    assert_eq!((&*choices.plain, &*idl::TAG.0, choices.names.len()), ("tag", "tag", 2));
}

#[test]
fn text_can_share_its_messages_memory_wherever_text_can_stand() {
    let page = Page::new("a")
        .with_subtitle("b".to_owned())
        .with_tags(["c".into()].into())
        .with_named([("d".into(), "e".into())].into())
        .with_counted([("f".into(), 1)].into());
    assert_eq!((&*page.title, &*page.key.0, &*page.lines[1], &*page.plain), (idl::TITLE, "first", "title", "tag"));
    for protocol in Protocol::ALL {
        let bytes = Bytes::from(protocol.to_bytes(&page));
        let read: Page = protocol.from_bytes(&bytes).unwrap();
        assert_eq!(read, page);
        let (key, value) = read.named.first_key_value().unwrap();
        let texts = [&read.address, &read.title, read.subtitle.as_ref().unwrap(), &read.key.0, &read.lines[0]];
        let inside = [read.tags.first().unwrap(), &key.0, value, read.counted.keys().next().unwrap()];
        for text in texts.into_iter().chain(inside) {
            assert!(bytes.as_ptr_range().contains(&text.as_ptr()), "`{text}` in {protocol}");
        }
        let Part::Text(text) = protocol.from_bytes(&protocol.to_bytes(&Part::Text("g".into())).into()).unwrap() else {
            panic!("it is text");
        };
        assert_eq!(text, "g");
    }
    assert_eq!(idl::TITLES.get(&Key::from("a")), Some(&ByteString::from_static("A")));
    let text = serde_json::to_string(&page).unwrap();
    assert_eq!(serde_json::from_str::<Page>(&text).unwrap(), page);
}

#[tokio::test]
async fn shared_text_is_an_argument_a_result_and_the_text_of_an_exception() {
    let pages = PagesClient::in_memory(PagesMock::new().title(|_, address, otherwise| match &*address {
        "there" => Ok(otherwise),
        _ => Err(Gone::default().with_message(address).into()),
    }));
    assert_eq!(pages.title(&Context::new(), "there".into(), "that".into()).await.unwrap(), "that");
    let gone = pages.title(&Context::new(), "away".into(), "that".into()).await.unwrap_err();
    assert!(matches!(&gone, TitleError::Gone(gone) if gone.to_string() == "Gone: away"), "{gone}");
}

#[tokio::test]
async fn a_mock_answers_what_the_test_gives_it_through_a_real_client() {
    let mock = UsersMock::new()
        .get(|ctx, id, name| match id {
            UserId(0) => {
                Err(Denied { message: format!("not for {}", ctx.header("tenant").unwrap_or("nobody")) }.into())
            }
            id => Ok(User::new(id).with_name(name)),
        })
        .ping_1(|_, answer| Ok(answer + "!"))
        .ping(|_| Ok(()));
    let users = UsersClient::in_memory(mock);
    let ctx = Context::new().with_header("tenant", "blue");
    let user = users.get(&ctx, UserId(5), "ann".into()).await.unwrap();
    assert_eq!((user.id, user.name), (UserId(5), Name::from("ann")));
    let denied = users.get(&ctx, UserId(0), "ann".into()).await;
    assert!(matches!(denied, Err(GetError::Denied(error)) if error.message == "not for blue"));
    users.ping(&ctx).await.unwrap();
    assert_eq!(users.ping_1(&ctx, "yes".into()).await.unwrap(), "yes!");
    users.forget(&ctx, UserId(5)).await.unwrap();
}

#[tokio::test]
async fn a_method_that_was_not_mocked_says_which() {
    let users = UsersClient::in_memory(UsersMock::new());
    let error = users.ping(&Context::new()).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Internal);
    assert!(error.message().contains("`ping`"), "{error}");
}

#[tokio::test]
async fn a_recorded_publisher_keeps_what_is_published() {
    let (hirings, recorded) = idl::Hirings::recorded("blue");
    let ctx = Context::new().with_header("tenant", "a");
    hirings.hired(&ctx, &User::new(UserId(1))).await.unwrap();
    hirings.left(&ctx, UserId(2)).await.unwrap();
    let expected = [idl::HiringsEvent::Hired(User::new(UserId(1))), idl::HiringsEvent::Left(UserId(2))];
    assert_eq!(recorded.events(), expected);
    let envelopes = recorded.envelopes();
    assert_eq!(envelopes[1].topic, "golden.blue.Hirings.Left");
    assert_eq!(envelopes[0].context.header("tenant"), Some("a"));
    let (bad, nothing) = idl::Hirings::recorded("");
    bad.left(&ctx, UserId(2)).await.unwrap_err();
    assert!(nothing.events().is_empty(), "what could not be published is not kept");
}
