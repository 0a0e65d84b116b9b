use super::*;

fn marked(cors: &Cors, origin: Option<&'static str>) -> HeaderMap {
    let mut request = HeaderMap::new();
    if let Some(origin) = origin {
        request.insert(ORIGIN, HeaderValue::from_static(origin));
    }
    let mut answer = HeaderMap::new();
    cors.mark(&request, &mut answer);
    answer
}

fn listed(origins: &[&str]) -> Cors {
    Cors {
        origins: Origins::parse(origins).unwrap(),
    }
}

#[test]
fn every_page_is_told_the_same_by_default() {
    let answer = marked(&Cors::default(), Some("https://chat.example"));
    assert_eq!(answer, marked(&Cors::default(), None));
    assert_eq!(answer[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert_eq!(answer[ACCESS_CONTROL_EXPOSE_HEADERS], "retry-after");
    assert_eq!(answer.len(), 2);
}

#[test]
fn a_listed_page_is_told_its_own_origin_and_another_none() {
    let cors = listed(&["https://chat.example", "http://localhost:3000"]);
    let allowed = marked(&cors, Some("http://localhost:3000"));
    assert_eq!(
        allowed[ACCESS_CONTROL_ALLOW_ORIGIN],
        "http://localhost:3000"
    );
    for origin in [None, Some("null"), Some("https://chat.example.evil.test")] {
        let refused = marked(&cors, origin);
        assert_eq!(
            (refused.len(), &refused[VARY]),
            (1, &HeaderValue::from_static("origin"))
        );
    }
}

#[test]
fn without_origins_browsers_are_told_nothing() {
    assert!(marked(&listed(&[]), Some("https://chat.example")).is_empty());
    assert!(!listed(&[]).answers_preflights());
    assert!(Cors::default().answers_preflights());
}

#[test]
fn what_no_browser_sends_is_no_origin() {
    assert_eq!(
        Origins::parse(&["*", "https://a.example"]),
        Err(OriginsError::AnyBesideOthers)
    );
    assert_eq!(Origins::parse(&["*"]), Ok(Origins::Any));
    for origin in [
        "",
        "null",
        "chat.example",
        "https://",
        "https://Chat.example",
        "https://chat.example/",
        "https://chat.example/path",
        "https://user@chat.example",
        "https://*.example",
        "https://chat.example\r\nset-cookie: a",
    ] {
        assert_eq!(
            Origins::parse(&[origin]),
            Err(OriginsError::Form),
            "{origin}"
        );
    }
    for origin in ["https://[2001:db8::1]:8443", "capacitor://localhost"] {
        assert!(Origins::parse(&[origin]).is_ok(), "{origin}");
    }
}

#[test]
fn no_credential_is_ever_allowed() {
    let mut answer = marked(&Cors::default(), None);
    Cors::mark_preflight(&mut answer);
    let names: Vec<_> = answer.keys().map(http::HeaderName::as_str).collect();
    assert!(
        !names.contains(&"access-control-allow-credentials"),
        "{names:?}"
    );
    assert_eq!(answer[ACCESS_CONTROL_ALLOW_HEADERS], "content-type");
    assert_eq!(answer[ACCESS_CONTROL_ALLOW_METHODS], "GET, POST");
}
