use proptest::prelude::*;

use super::*;

fn names(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<_> = headers.keys().map(http::HeaderName::as_str).collect();
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

#[test]
fn every_answer_has_the_same_fields() {
    let content = Answer::Content(media::OHTTP_RESPONSE, Bytes::from_static(b"x"));
    assert_eq!(
        names(to_client(content).headers()),
        ["cache-control", "content-length", "content-type"]
    );
    for refusal in Refusal::ALL {
        let response = to_client(Answer::Refused(refusal));
        let expected: &[&str] = match refusal {
            Refusal::Method => &["allow", "cache-control", "content-length", "content-type"],
            _ => &["cache-control", "content-length", "content-type"],
        };
        assert_eq!(names(response.headers()), expected);
        assert_eq!(response.status(), refusal.status());
    }
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

proptest! {
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
