//! What can be published is what a reader gets back; everything else is refused by name.

#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use sotto_mimi::{Record, RecordForm};
use sotto_publish::publication::{TXT, looks_like_phone, opt_out};
use sotto_publish::{Advice, Placement, Publication, Subject};

fn record(text: &str) -> Record {
    Record::parse_text(text.as_bytes()).unwrap()
}

fn publish(subject: &str, texts: &[&str]) -> Result<Publication, &'static str> {
    let records: Vec<Record> = texts.iter().map(|text| record(text)).collect();
    let subject: Subject = subject.parse().unwrap();
    Publication::new(&subject, &records, &Placement::default()).map_err(|error| {
        assert!(!error.to_string().is_empty() && !error.remedy().is_empty());
        error.code()
    })
}

#[test]
fn a_publication_is_owner_type_ttl_and_rdata_in_the_order_of_preference() {
    let texts = ["v=MIMI1; p=20; e=b.test", "v=MIMI1; p=3; a=x; e=a.test"];
    let published = publish("hugh@example.com", &texts).unwrap();
    assert_eq!(
        published.owner().as_str(),
        "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._user._mimi.example.com."
    );
    assert_eq!((published.rtype(), published.ttl()), (TXT, 86_400));
    let rdatas = [texts[1], texts[0]].map(|text| record(text).to_rdata());
    assert_eq!(published.rdatas(), rdatas);
    let other_order = publish("hugh@example.com", &[texts[1], texts[0]]);
    assert_eq!(other_order, Ok(published));
}

#[test]
fn what_no_reader_would_take_is_refused() {
    let hugh = "hugh@example.com";
    let tags = format!("v=MIMI1; e=a.test; t={}", "x,".repeat(9));
    let many: Vec<String> = (0..17)
        .map(|at| format!("v=MIMI1; a={at}; e=a.test"))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let long = format!("v=MIMI1; e=a.test; s={}", "s".repeat(1_100));
    for (subject, texts, code) in [
        (hugh, &[][..], "publish_no_records"),
        (
            hugh,
            &["v=MIMI1; e=.", "v=MIMI1; e=a.test"],
            "publish_opt_out_beside_others",
        ),
        (
            hugh,
            &["v=MIMI1; e=.", "v=MIMI1; e=."],
            "publish_opt_out_beside_others",
        ),
        (hugh, &["v=MIMI1; p=1; e=."], "publish_opt_out_with_more"),
        (hugh, &["v=MIMI1; a=x; e=."], "publish_opt_out_with_more"),
        (
            hugh,
            &["v=MIMI1; e=a.test", "v=MIMI1; p=3; e=a.test:443"],
            "publish_same_service",
        ),
        (hugh, &many, "publish_too_many_services"),
        (hugh, &[&long], "publish_too_long"),
        (
            "alice.example.com",
            &["v=MIMI1; e=a.test"],
            "publish_no_account_for_host",
        ),
        (
            "*@example.com",
            &["v=MIMI1; a=x; e=a.test"],
            "publish_account_for_everybody",
        ),
        ("+15551234567", &["v=MIMI1; e=a.test"], "phone_zone_missing"),
        (
            "mimi://a.test/u/x",
            &["v=MIMI1; e=a.test"],
            "already_resolved",
        ),
    ] {
        assert_eq!(publish(subject, texts), Err(code), "{subject}, {texts:?}");
    }
    // The parser keeps the first 8 tags and each once, so that these take records made by hand.
    let mut more = record(&tags);
    let tag = more.tags[0].clone();
    more.tags.push(tag.clone());
    let refuse = |record: &Record| {
        let subject = hugh.parse().unwrap();
        let records = std::slice::from_ref(record);
        Publication::new(&subject, records, &Placement::default()).map_err(|error| error.code())
    };
    assert_eq!(refuse(&more), Err("publish_same_tag"));
    more.tags = vec![tag; 9];
    assert_eq!(refuse(&more), Err("publish_too_many_tags"));
}

#[test]
fn where_records_are_put_has_limits() {
    let subject: Subject = "hugh@example.com".parse().unwrap();
    let code = |placement: Placement| {
        Publication::new(&subject, &[opt_out()], &placement).map_err(|error| error.code())
    };
    let ttl = Placement {
        ttl: 1 << 31,
        ..Placement::default()
    };
    assert_eq!(code(ttl), Err("publish_ttl"));
    for mimi_type in [16, 65_279, 65_535] {
        let placement = Placement {
            mimi_type,
            form: RecordForm::Mimi,
            ..Placement::default()
        };
        assert_eq!(code(placement), Err("publish_mimi_type"));
    }
}

#[test]
fn everybody_is_told_from_the_mailbox_that_is_called_asterisk() {
    for (text, owner) in [
        ("*@example.com", "*._user._mimi.example.com."),
        (
            "\"*\"@example.com",
            "684888c0ebb17f374298b65ee2807526c066094c701bcc7ebbe1c109._user._mimi.example.com.",
        ),
    ] {
        let subject: Subject = text.parse().unwrap();
        assert_eq!(subject.to_string(), text);
        let found = Placement::default().owner(&subject).unwrap();
        assert_eq!(found.as_str(), owner);
    }
}

#[test]
fn phone_numbers_are_seen_in_their_usual_dress() {
    for phone in [
        "+15551234567",
        "15551234567",
        "+44 20 7946 0148",
        "(020) 7946-0148",
        "0171/946.0148",
        "tel:+15551234567",
        "TEL:+1-555-123-4567",
        "15551234567@s.provider.test",
        "+49\u{a0}30\u{2011}901820",
        "5551234",
        "+1 555 123 4567 ext 9",
        "+1 555 123 4567 Ext. 91",
        "555-123-4567x9",
        "+1 555 123 4567 #9",
        "tel:+15551234567;ext=9",
        "sip:+15551234567@harbour.test",
        "sips:+15551234567:5061",
        "sip:+15551234567;user=phone@harbour.test",
        "whatsapp:+15551234567",
        "whatsapp: +15551234567",
        "@15551234567:harbour.test",
        "+１５５５１２３４５６７",
        "＋１ （５５５） １２３４５６７",
        "+٤٤٢٠٧٩٤٦٠١٤٨",
        "+۹۸۲۱۱۲۳۴۵۶۷",
        "555_123_4567",
        "555·123·4567",
        "555,123,4567",
        "555•123•4567",
        "555\u{200b}123\u{2212}4567",
    ] {
        assert!(looks_like_phone(phone), "{phone}");
    }
    for other in [
        "hugh",
        "hugh1234567",
        "123456",
        "1234567890123456",
        "",
        "+",
        "2024-01",
        "a@15551234567",
        "名前",
        "名前 1234567",
        "ext 1234567",
        "1234567 ext b",
        "1234567 boats",
        "whatsapp:hugh",
        "sip:hugh1234567@harbour.test",
        "hugh@1234567",
        "é",
    ] {
        assert!(!looks_like_phone(other), "{other}");
    }
}

fn advice(subject: &str, text: &str, ttl: u32) -> Vec<&'static str> {
    let placement = Placement {
        ttl,
        phone_zone: Some("phones.example.net".parse().unwrap()),
        ..Placement::default()
    };
    let advice = Advice::of(&subject.parse().unwrap(), &[record(text)], &placement);
    for advice in &advice {
        assert!(!advice.to_string().is_empty() && !advice.remedy().is_empty());
    }
    advice.iter().map(Advice::code).collect()
}

#[test]
fn what_one_might_regret_is_said() {
    let plain = "v=MIMI1; a=hugh; e=mimi.harbour.net";
    let phone = "v=MIMI1; a=+1 555 1234567; e=mimi.harbour.net";
    assert_eq!(advice("alice.harbour.net", plain, 86_400), [] as [&str; 0]);
    assert_eq!(
        advice("hugh@harbour.net", plain, 86_400),
        ["name_hides_nobody"]
    );
    assert_eq!(advice("alice.harbour.net", plain, 86_401), ["long_ttl"]);
    assert_eq!(advice("alice.harbour.net", phone, 0), ["phone_in_account"]);
    assert_eq!(advice("+15551234567", plain, 0), ["number_in_name"]);
    // The name spells this number out already, in whatever script the account has it.
    assert_eq!(advice("+15551234567", phone, 0), ["number_in_name"]);
    let arabic = "v=MIMI1; a=+١ ٥٥٥ ١٢٣٤٥٦٧; e=mimi.harbour.net";
    assert_eq!(advice("+15551234567", arabic, 0), ["number_in_name"]);
    assert_eq!(
        advice("+15551234568", phone, 0),
        ["phone_in_account", "number_in_name"]
    );
    assert_eq!(
        advice(
            "alice.harbour.net",
            "v=MIMI1; a=x; e=mimi.harbour.test; t=b",
            0
        ),
        ["special_use_provider", "public_tags"]
    );
    assert_eq!(
        advice("*@harbour.net", "v=MIMI1; e=mimi.harbour.net", 0),
        ["speaks_for_all"]
    );
}
