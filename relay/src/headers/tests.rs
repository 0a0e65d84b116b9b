use proptest::prelude::*;

use super::*;

fn names(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

fn typed(media_type: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))])
}

#[test]
fn a_request_to_a_gateway_has_the_fields_of_the_allow_list() {
    let uri = Uri::from_static("https://gateway.test/.well-known/ohttp-gateway");
    let bare = to_gateway(uri.clone(), None, Bytes::from_static(b"x"));
    assert_eq!(names(bare.headers()), ["content-type"]);
    let credential = HeaderValue::from_static("Bearer token");
    let known = to_gateway(uri, Some(credential), Bytes::from_static(b"x"));
    assert_eq!(names(known.headers()), ["authorization", "content-type"]);
}

/// The names of the fields of an answer, without those for browsers.
fn answered(answer: Answer) -> (StatusCode, Vec<String>) {
    let response = to_client(answer, &Cors::default(), &HeaderMap::new());
    let names = names(response.headers()).into_iter();
    let names = names.filter(|name| !name.starts_with("access-control-"));
    (response.status(), names.map(str::to_owned).collect())
}

#[test]
fn every_answer_has_the_same_fields() {
    let content = Answer::Content(media::OHTTP_RESPONSE, Bytes::from_static(b"x"));
    let usual = ["cache-control", "content-length", "content-type"];
    assert_eq!(answered(content).1, usual);
    for refusal in Refusal::ALL {
        let mut expected = usual.to_vec();
        if refusal == Refusal::Method {
            expected.push("allow");
        }
        if refusal.retry_after().is_some() {
            expected.push("retry-after");
        }
        expected.sort_unstable();
        let (status, names) = answered(Answer::Refused(refusal));
        assert_eq!(names, expected);
        assert_eq!(status, refusal.status());
    }
    // RFC 9110 section 8.6 forbids Content-Length in a 204.
    let (status, names) = answered(Answer::Preflight);
    assert_eq!((status, names.len()), (StatusCode::NO_CONTENT, 0));
}

#[test]
fn the_declared_size_is_judged_before_the_content() {
    let declared = |octets: &'static str, body| {
        let mut headers = typed("Message/OHTTP-req ; v=1");
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static(octets));
        judge_request(&headers, body)
    };
    assert_eq!(declared("2048", Body::Exact), Ok(()));
    assert_eq!(declared("2047", Body::Exact), Err(Refusal::TooSmall));
    assert_eq!(declared("2049", Body::Exact), Err(Refusal::TooLarge));
    assert_eq!(
        declared("99999999999999999999999", Body::Exact),
        Err(Refusal::TooLarge)
    );
    assert_eq!(declared("1", Body::Any), Ok(()));
    assert_eq!(declared("0", Body::Any), Err(Refusal::TooSmall));
    assert_eq!(declared("4096", Body::Any), Ok(()));
    assert_eq!(declared("4097", Body::Any), Err(Refusal::TooLarge));
    assert_eq!(
        judge_request(&typed("message/ohttp-req"), Body::Exact),
        Ok(())
    );
    assert_eq!(
        judge_request(&typed("message/ohttp-res"), Body::Exact),
        Err(Refusal::MediaType)
    );
    assert_eq!(
        judge_request(&HeaderMap::new(), Body::Exact),
        Err(Refusal::MediaType)
    );
    let mut twice = typed("message/ohttp-req");
    twice.append(CONTENT_TYPE, HeaderValue::from_static("message/ohttp-req"));
    assert_eq!(judge_request(&twice, Body::Exact), Err(Refusal::MediaType));
}

#[test]
fn a_gateways_answer_is_judged_by_status_type_and_size() {
    let of = |status, media_type| {
        judge_answer(StatusCode::from_u16(status).unwrap(), &typed(media_type))
    };
    assert_eq!(of(200, "message/ohttp-res"), Expect::Sealed(65_536));
    assert_eq!(of(200, "text/html"), Expect::Refused(Refusal::Nonsense));
    assert_eq!(
        of(206, "message/ohttp-res"),
        Expect::Refused(Refusal::Nonsense)
    );
    assert_eq!(
        of(302, "message/ohttp-res"),
        Expect::Refused(Refusal::Nonsense)
    );
    assert_eq!(
        of(400, "application/problem+json"),
        Expect::Problem(PROBLEM_MAX_BYTES)
    );
    assert_eq!(
        of(400, "text/plain"),
        Expect::Refused(Refusal::GatewayRefused)
    );
    assert_eq!(
        of(401, "application/problem+json"),
        Expect::Refused(Refusal::NotAdmitted)
    );
    assert_eq!(
        of(429, "application/problem+json"),
        Expect::Refused(Refusal::Busy)
    );
    assert_eq!(
        of(508, "application/problem+json"),
        Expect::Refused(Refusal::Loop)
    );
    assert_eq!(
        of(500, "application/problem+json"),
        Expect::Refused(Refusal::Nonsense)
    );
    assert_eq!(
        of(503, "application/problem+json"),
        Expect::Refused(Refusal::GatewayUnavailable)
    );

    for (octets, exact, any) in [
        (0, false, false),
        (1, false, true),
        (8_192, true, true),
        (65_536, true, true),
    ] {
        let passes = |body| {
            matches!(
                judge_sealed(vec![0; octets].into(), body),
                Answer::Content(..)
            )
        };
        assert_eq!(
            (passes(Body::Exact), passes(Body::Any)),
            (exact, any),
            "{octets}"
        );
    }
    let key = Problem::new(ProblemType::OhttpKey, 400, "whatever it says").to_json();
    assert_eq!(judge_problem(key.as_bytes()), Refusal::OhttpKey);
    assert_eq!(judge_problem(b"{"), Refusal::GatewayRefused);
}

#[test]
fn what_came_in_early_data_is_refused_whatever_the_field_says() {
    for value in ["1", "0", "", "1, 1"] {
        let mut headers = typed("message/ohttp-req");
        headers.insert("early-data", HeaderValue::from_static(value));
        assert_eq!(judge_request(&headers, Body::Exact), Err(Refusal::TooEarly));
    }
}

/// Any fields, those that would tell of people or of machines among them.
fn fields() -> impl Strategy<Value = HeaderMap> {
    let name = prop_oneof![
        proptest::sample::select(vec![
            "set-cookie",
            "cookie",
            "alt-svc",
            "server-timing",
            "server",
            "date",
            "etag",
            "last-modified",
            "age",
            "via",
            "forwarded",
            "x-forwarded-for",
            "trailer",
            "location",
            "link",
            "report-to",
            "nel",
            "origin",
            "retry-after",
            "cache-control",
            "strict-transport-security",
            "access-control-allow-credentials",
            "www-authenticate",
            "content-length",
            "content-encoding",
            "transfer-encoding",
        ])
        .prop_map(HeaderName::from_static),
        "[a-z][a-z0-9-]{0,20}".prop_map(|name| name.parse().expect("a field name")),
    ];
    let value = "[ -~]{0,40}".prop_map(|value| HeaderValue::from_str(&value).expect("visible"));
    proptest::collection::vec((name, value), 0..20).prop_map(HeaderMap::from_iter)
}

proptest! {
    /// Of all that a gateway's header section holds, its status and media type decide, and one of a few words is the
    /// outcome; so no field of it can reach a client.
    #[test]
    fn no_field_of_a_gateway_changes_what_a_client_gets(
        status in 100_u16..1000,
        mut fields in fields(),
        media_type in proptest::sample::select(vec![media::OHTTP_RESPONSE, media::PROBLEM, "text/html"]),
    ) {
        let status = StatusCode::from_u16(status).unwrap();
        let plain = judge_answer(status, &typed(media_type));
        fields.remove(CONTENT_TYPE);
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        prop_assert_eq!(judge_answer(status, &fields), plain);
    }

    /// What a client gets is the same whatever it sent.
    #[test]
    fn no_field_of_a_client_changes_what_it_gets(fields in fields()) {
        for answer in [
            Answer::Content(media::OHTTP_RESPONSE, Bytes::from_static(b"x")),
            Answer::Refused(Refusal::Quota),
            Answer::Preflight,
        ] {
            let of = |asked: &HeaderMap| {
                let response = to_client(answer.clone(), &Cors::default(), asked);
                (response.status(), response.headers().clone())
            };
            prop_assert_eq!(of(&fields), of(&HeaderMap::new()));
        }
    }

    #[test]
    fn no_bytes_of_a_gateway_panic_or_pass_unjudged(
        status in 100u16..1000,
        media_type in "[ -~]{0,40}",
        content in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let Ok(value) = HeaderValue::from_str(&media_type) else { return Ok(()) };
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, value)]);
        let status = StatusCode::from_u16(status).unwrap();
        let _ = judge_answer(status, &headers);
        let _ = judge_problem(&content);
        prop_assert_eq!(
            judge_sealed(content.into(), Body::Exact),
            Answer::Refused(Refusal::Nonsense)
        );
    }
}
