//! Whatever a recording holds, nobody's word comes through.

use proptest::prelude::*;

use super::*;

/// A word that comes about by no accident.
const MARK: &str = "zqxjkvzqxw";
/// A number of that kind.
const NUMBER: u64 = 4_917_012_345_678;

/// What an exchange becomes, as it stands in the file.
fn line(names: &mut Pseudonyms, body: &Value) -> String {
    let exchange = Exchange::Transaction {
        txn_id: format!("txn-{MARK}"),
        at: None,
        body: body.to_string(),
    };
    names.exchange(&exchange).unwrap().to_line()
}

/// Strings in which somebody's word stands at every place that is treated in a way of its own.
fn words() -> impl Strategy<Value = String> {
    let forms = [
        "Mr.*",
        "a * b",
        "@*:lab.test",
        "@bob:*.test",
        "@_email_*=40*.test:lab.test",
        "@_email_*:lab.test",
        "@*",
        "!*:lab.test",
        "!*",
        "$*",
        "#*:*.test",
        "#*",
        "*@example.org",
        "alice@*.org",
        "*+*@mail.lab.test",
        "*@*@*",
        "\u{201e}*@*.org\u{201c}",
        "*@*.org's",
        "mailto:*@*.org?subject=*",
        "MAILTO:*%40*.org",
        "matrix:u/*:lab.test?action=*",
        "mxc://*",
        "mxc://*/*",
        "see https://matrix.to/#/@*:*.test/*?via=*.test&*=* now",
        "matrix.to/#/!*:*.test",
        "https://*:*@*.org/*?*=*#*",
        "*://*/*",
        "geo:*",
        "geo:1,2;u=*",
        "block *@*.*.org",
        "block *.org * *",
        "!block *",
        "block *@\u{2a}.*.org",
        "signature *\n*",
        "help * me",
        "syt_*",
        "https://x.test/file/*?token=*",
        "<p *=\"*\" class=\"*\" style='*'>* <a href=\"mailto:*@*.org\">*</a></p>",
        "<*>*</*>",
        "<*@*.org>",
        "<b * and \"*\">",
        "<!-- * --><script>*</script><",
        "&*; &#64;* *&commat;*.org",
        "<font color=\"*\" data-mx-color=*>*</font>",
        "m.*X",
        "image/*\u{e9}",
        "*/*",
        "org.example.*",
        "\u{1d7d8}*",
    ];
    prop::sample::select(forms.to_vec()).prop_map(|form| form.replace('*', MARK))
}

fn fields() -> impl Strategy<Value = String> {
    let known = "type content body formatted_body format msgtype displayname display_name name topic reason state_key sender room_id \
                 event_id url uri geo_uri info mimetype filename m.relates_to rel_type key via origin unsigned prev_content \
                 m.new_content membership redacts user_ids users algorithm kind allow room_version signed token third_party_invite \
                 avatar_url m.text org.matrix.msc1767.text latitude n value question answers status_msg presence";
    let known: Vec<String> = known.split_whitespace().map(str::to_owned).collect();
    prop_oneof![3 => prop::sample::select(known), 1 => words()]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        6 => words().prop_map(Value::from),
        1 => Just(json!(true)),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            4 => prop::collection::btree_map(fields(), inner.clone(), 0..6).prop_map(|map| json!(map)),
            1 => prop::collection::vec(inner, 0..4).prop_map(Value::from),
        ]
    })
}

proptest! {
    #[test]
    fn nobodys_word_comes_through(event in values(), ephemeral in values()) {
        let mut names = lab(Removal::ALL);
        let out = line(&mut names, &json!({"events": [event], "ephemeral": [ephemeral]}));
        prop_assert!(!out.to_lowercase().contains(MARK), "{out}");
    }
}

#[test]
fn numbers_that_are_no_times_sizes_or_levels_go() {
    let mut names = lab(Removal::ALL);
    let event = json!({"type": "org.example.form", "content": {
        "phone": NUMBER, "body": NUMBER, "latitude": 51, "longitude": -0.127, "org.matrix.msc3488.location": {"uri": "geo:51.5,-0.127"},
        "list": [NUMBER], "info": {"size": 17, "w": 5}, "users": {"@bob:lab.test": 100}, "events": {"m.room.name": 50},
    }});
    let out = line(&mut names, &json!({"events": [event]}));
    for gone in [&*NUMBER.to_string(), "51", "127", "org.example", "phone"] {
        assert!(!out.contains(gone), "{gone}: {out}");
    }
    for kept in [
        "\"size\":17",
        "\"w\":5",
        "@user1:home.example\":100",
        "\"m.room.name\":50",
    ] {
        assert!(out.contains(kept), "{kept}: {out}");
    }
}

#[test]
fn who_is_invited_by_email_is_not_named_and_the_token_goes_in_any_case() {
    let event = json!({"type": "m.room.third_party_invite", "state_key": "invitation-token-abc", "content": {
        "display_name": "Alice M.", "key_validity_url": "https://id.test/valid", "public_key": "abc",
    }});
    let out = line(&mut lab(Removal::default()), &json!({"events": [&event]}));
    assert!(
        out.contains("Alice") && !out.contains("invitation-token"),
        "{out}"
    );
    let out = line(&mut lab(NAMES), &json!({"events": [event]}));
    assert!(
        !out.contains("Alice") && !out.contains("invitation-token"),
        "{out}"
    );
}

#[test]
fn tokens_are_known_by_the_fields_and_the_words_that_hold_them() {
    let mut names = lab(Removal::default());
    let held = json!({"openid_token": "zzz", "clientSecret": "zzz", "turn": {"credential": "zzz"}, "body": "use:syt_zzz and Bearer=mat_zzz"});
    let out = content(&mut names, &held).to_string();
    assert!(!out.contains("zzz"), "{out}");
}

#[test]
fn addresses_and_users_are_found_wherever_they_are_written() {
    for (removal, body) in [
        (ADDRESSES, "\u{201c}alice@example.org\u{201d}"),
        (ADDRESSES, "\u{ab}alice@example.org\u{bb}\u{2026}"),
        (ADDRESSES, "alice@example.org's"),
        (ADDRESSES, "To:alice@example.org"),
        (ADDRESSES, "mailto:alice@example.org?subject=hi"),
        (ADDRESSES, "mailto:alice%40example.org"),
        (ADDRESSES, "alice%40example.org"),
        (ADDRESSES, "alice@example.org: her server example.org is down"),
        (NAMES, "@alice:example.org's"),
        (NAMES, "matrix:u/alice:example.org"),
        (NAMES, "matrix.to/#/@alice:example.org"),
        (NAMES, "@alice:example.org and all of example.org"),
        (NAMES, "mxc://example.org"),
        (NAMES, "\u{1f98a} alice says"),
        (NAMES, "[alice] says"),
    ] {
        let mut names = lab(removal);
        names.learn_name("\u{1f98a} alice");
        names.learn_name("[alice]");
        let out = text(&mut names, body);
        assert!(
            !out.contains("alice") && !out.contains("example.org"),
            "{body}: {out}"
        );
        let html = json!({"formatted_body": format!("<p>{}</p>", body.replace('@', "&#64;"))});
        let out = content(&mut names, &html).to_string();
        assert!(
            !out.contains("alice") && !out.contains("example.org"),
            "{html}: {out}"
        );
    }
}

#[test]
fn the_name_of_a_file_is_no_room() {
    let mut names = lab(Removal {
        contents: true,
        ..Removal::default()
    });
    for name in ["!divorce.pdf", "$alary.pdf", "#secret:plan", "@home.pdf"] {
        let out = content(&mut names, &json!({"filename": name, "body": name})).to_string();
        for word in ["divorce", "alary", "secret", "home"] {
            assert!(!out.contains(word), "{out}");
        }
    }
}

#[test]
fn an_address_that_would_be_too_long_is_no_reason_to_keep_it() {
    let mut names = lab(Removal::ALL);
    let out = text(
        &mut names,
        &format!("{}+{}@mail.lab.test", "bob".repeat(12), "k".repeat(26)),
    );
    assert!(!out.contains("bob") && !out.contains("kkk"), "{out}");
}
