//! Writes the seed corpus: `cargo run --manifest-path tests/fuzz/Cargo.toml --example seeds`.
//!
//! Each seed is the shortest way into one part of its target, in the layout that the target reads. They
//! are the same on every run, so that a change of layout shows as a change of the corpus.

use std::path::Path;
use std::{fs, io};

use sotto_envelope::{KeyDocument, KeyRecord};
use sotto_fuzz::keys::{EPOCH, LIST, ratchet};
use sotto_fuzz::vectors::VECTORS;
use sotto_proof::{Question, message};

/// The octets of `proof_verify` before the proof: which vector, its own limits, question and time.
fn verify_head(mode: u8, vector: usize) -> Vec<u8> {
    vec![mode, vector as u8, 0, 0, 0]
}

fn proof_verify() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (at, vector) in VECTORS.iter().enumerate() {
        // Every proof untouched, as an alteration of itself, and the smallest ones as octets.
        seeds.push([verify_head(1, at), vec![0]].concat());
        if vector.proof.len() < 2_000 {
            seeds.push([verify_head(0, at), vector.proof.clone()].concat());
        }
    }
    // Every operation on records; then two proofs mixed.
    seeds.push([verify_head(2, 0), (0..80).collect()].concat());
    seeds.push([verify_head(3, 6), vec![2, 0, 6, 7, 0, 7, 8, 3]].concat());
    seeds
}

fn proof_prover() -> Vec<Vec<u8>> {
    let mut seeds: Vec<_> = (0..VECTORS.len() as u8)
        .map(|vector| vec![vector, 2, 1, 0])
        .collect();
    let Question { name, rtype } = VECTORS[0].question.clone();
    let mut response = message::query(0x5107, &Question { name, rtype }, 1_232);
    response[2] |= 0x80;
    seeds.push([vec![0, 0], response].concat());
    // An answer whose owner and data are pointers: CNAME to the name itself.
    let record = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 2, 0xc0, 12];
    seeds.push([vec![0, 1, 1, 0, 0, 0x84, 0x10], record.to_vec()].concat());
    seeds.push([vec![0, 2, 1, 0], vec![9; 60]].concat());
    seeds
}

fn envelope_open() -> Vec<Vec<u8>> {
    let head = [&LIST[2..5], &[0, 1, 0, 1][..]].concat();
    vec![
        [vec![0], head].concat(),
        vec![1, 0, 1, 0, 9, 0, 1],
        vec![1, 1, 1, 0, 60, 2],
        [&[2, 0, 9][..], b"_mimi.a.\x03TXT"].concat(),
        [&[2, 1, 2][..], b"a.\x09TYPE65400"].concat(),
        [
            &[3, 0, 200, 1, 24][..],
            b"application/octet-stream\x00\x07\x20\x00",
        ]
        .concat(),
        vec![3, 1, 144, 0, 0, 0, 0xff, 0xff],
        vec![4, 0, 0, 0, 3, 0, 0, 1, 0, 3, 0, 1],
        vec![5, 0, 0, 0, 3, 0, 0, 9],
        vec![5, 0, 0, 0, 0, 4, 1, 2, 3, 4, 1, 0, 3, 9, 9, 9],
        [
            &[6, 0, 3][..],
            b"GET\x05https\x0cgateway.test\x1d/dnssecproof?d=a.example.&t=A\x00\x00\x00",
        ]
        .concat(),
    ]
}

fn key_record() -> KeyRecord {
    KeyRecord {
        operator: "operator.test".to_owned(),
        epoch: EPOCH,
        digest: [7; 32],
    }
}

fn envelope_client() -> Vec<Vec<u8>> {
    let document = KeyDocument {
        lists: vec![(EPOCH, vec![1; 40]), (EPOCH.next(), vec![2; 40])],
        proof: vec![3; 20],
    };
    let document = document.encode().expect("a document");
    let response = b"\x01\x40\xc8\x00\x00\x00";
    let problem = b"\x01\x41\x90\x27\x0ccontent-type\x18application/problem+json\x02{}\x00";
    vec![
        [vec![0], LIST.clone()].concat(),
        vec![1, 1, 0, 9, 0, 1],
        [vec![2], document].concat(),
        vec![3, 2, 9, 9, 0, 0, 0],
        vec![3, 0, 2, 1, 0, 0, 6, 1, 20],
        [vec![4], key_record().to_rdata()].concat(),
        [vec![5], key_record().to_text().into_bytes()].concat(),
        vec![6, 2, 0, 0, 1, 3, 0, 1, 1, 2, 1, 0, 0],
        vec![7, 1],
        vec![7, 2],
        vec![8, 0, 200, 0, 2, 65, 66, 0],
        [&[9][..], response].concat(),
        [&[9][..], problem].concat(),
    ]
}

/// Texts, each behind the octet of its mode.
fn texts(mode: u8, texts: &[&str]) -> Vec<Vec<u8>> {
    texts
        .iter()
        .map(|text| [&[mode], text.as_bytes()].concat())
        .collect()
}

fn mimi_identifier() -> Vec<Vec<u8>> {
    let identifiers = [
        "hugh@example.com",
        "\"john doe\\\"\"@example.com",
        "alice.example.com",
        "B\u{fc}cher.example",
        "jose\u{301}@xn--bcher-kva.example",
        "+44 (20) 7946-0148",
        "tel:+44-20-7946-0148;x=y",
        "mailto:hugh%2Bx@example.com",
        "xmpp:hugh@example.com/phone",
        "acct:a%40b@example.com",
        "mimi://a.example/u/al%20ice",
    ];
    let mut seeds = texts(2, &identifiers);
    seeds.extend(texts(
        1,
        &["fa\u{df}.example.", "\u{ff11}.\u{3002}a", "xn--a.b"],
    ));
    seeds.push([&[0, 3][..], b"a\".\x09example.x"].concat());
    seeds
}

fn mimi_record() -> Vec<Vec<u8>> {
    let records = [
        "v=MIMI1; p=2; a=+15551234567; e=mimi.whatsapp.com; s=whatsapp",
        "v=MIMI1; p=1; a=myname99; e=im.telegram.org; s=telegram; t=business,default",
        "v = MIMI1;e=.",
        "v=MIMI1; e=im.telegram.org:8443; a=%20a%3Bb%25%c3%a9 c=d%20; unknown_9=%41",
        "v=MIMI1; e=b\u{fc}cher.de; p=x",
        "v=spf1 -all",
    ];
    let mut seeds = texts(1, &records);
    for head in [
        [2, 0, 0, 0, 0, 7],
        [2, 1, 1, 1, 0, 7],
        [2, 0, 0, 1, 1, 7],
        [2, 2, 0, 0, 4, 7],
    ] {
        let mut seed = head.to_vec();
        for record in &records[..4] {
            seed.extend([1, record.len() as u8]);
            seed.extend(record.as_bytes());
        }
        seeds.push(seed);
    }
    seeds.push([&[0, 5][..], b"v=MIM\x09I1; e=a.b"].concat());
    seeds
}

fn client_lookup() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for person in 0..5 {
        // Honest throughout, from nothing and from knowledge; then a gateway's lies, each once.
        seeds.push(vec![person, 0, 1, 15, 15, 15]);
        seeds.push(vec![person, 0, 0, 15]);
        for lie in 1..5 {
            seeds.push(vec![person, 0, 1, 15, 15, 6, lie, 0, 1, 2, 3]);
        }
    }
    seeds.push(vec![0, 0, 1, 15, 15, 4, 15, 15]);
    seeds.push(vec![0, 0, 1, 5, 0, 0, 5, 0, 0, 6, 15, 15, 15]);
    seeds.push(vec![0, 0, 1, 2, 0, 0]);
    seeds
}

fn configurations() -> Vec<Vec<u8>> {
    let mut seeds = texts(
        0,
        &[
            "operator = \"a.b\"\ncontact = \"c\"\n[listen]\naddress = \"[::1]:0\"\n[[gateway]]\nhost = \"g.h\"\nurl = \"http://127.0.0.1:1\"\n",
        ],
    );
    seeds.extend(texts(
        2,
        &["host = \"g.h\"\noperator = \"o.p\"\nopen_to_any_relay = true\nlisten.address = \"[::1]:0\"\nkeys.state = \"s\"\n"],
    ));
    seeds.extend(texts(
        5,
        &[r#"{"version":1,"operator":"a.b","contact":"c","gateways":[{"host":"g.h","resource":"/g.h"}],"mixing":"off"}"#],
    ));
    seeds.extend(texts(
        6,
        &[
            r#"{"type":"https://iana.org/assignments/http-problem-types#date","status":400}"#,
            "{}",
        ],
    ));
    seeds.extend(texts(
        7,
        &[
            ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
            "a.test. 3600 DNSKEY 257 3 15 (\n QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE= ) ; state=2 [ VALID ]\n",
        ],
    ));
    seeds.push(vec![1, 1, 0, 200, 0, 1]);
    seeds.push(vec![3, 1, 0, 200, 0, 1]);
    seeds.push(vec![4, 1, 2, 1, 1, 2, 1, 97, 1, 4, 0, 0]);
    seeds.push(vec![4, 0, 1, 1, 3, 1, 1, 97]);
    seeds.push(vec![8, 0]);
    seeds.push(vec![8, 1, 0, ratchet().to_state().len() as u8 - 1, 2]);
    seeds.push([&[9, 21][..], b"https://relay.example\x09gateway.x\x00"].concat());
    seeds
}

fn publishing() -> Vec<Vec<u8>> {
    let rows = "identifier,service,account,prefer,label,tag,opt_out\nhugh@example.test,im.a.test,hugh,1,a,\"x;y\",\nhugh@example.test,im.b.test,,,,,\n*@example.test,,,,,,yes\n+442079460148,im.a.test,,,,,\n";
    let zone = "$ORIGIN example.test.\n$TTL 300\n@ SOA ns h 1 2 3 4 5 ; c\n@ NS ns\n_mimi.a TXT \"v=MIMI1; \" \"e=im.a.test\"\n_mimi.b ( TYPE65400\n \\# 3 010203 )\n_user._mimi DNAME x.y.\n*.c 60 IN CNAME \\097.b\n";
    let keys = [
        "key \"updater\" { algorithm hmac-sha256; secret \"MDEyMzQ1Njc4OWFiY2RlZg==\"; };",
        "key:\n  - id: updater\n    algorithm: hmac-sha512\n    secret: MDEyMzQ1Njc4OWFiY2RlZg==\n",
        "hmac-sha256:updater:MDEyMzQ1Njc4OWFiY2RlZg==",
        "updater hmac-md5 MDEy",
    ];
    let mut seeds = texts(2, &keys);
    for origin in 0..2 {
        seeds.push([&[0, origin][..], rows.as_bytes()].concat());
        seeds.push([&[1, origin][..], zone.as_bytes()].concat());
    }
    // What was asked, echoed; refused; altered; and, of one to remove, told that nothing stands there.
    seeds.push(vec![3, 1, 1, 0, 1, 0, 1, 0]);
    seeds.push(vec![3, 1, 0, 0, 10, 0x84, 5, 0, 0, 0, 0, 0, 0, 0, 0]);
    seeds.push(vec![3, 1, 1, 1, 0, 3, 1, 9, 1, 1, 0, 40, 0, 2]);
    seeds.push([&[3, 0, 1, 0, 0, 0, 10, 0x84, 3][..], &[0; 8]].concat());
    seeds
}

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let targets: [(&str, Vec<Vec<u8>>); 9] = [
        ("proof_verify", proof_verify()),
        ("proof_prover", proof_prover()),
        ("envelope_open", envelope_open()),
        ("envelope_client", envelope_client()),
        ("mimi_identifier", mimi_identifier()),
        ("mimi_record", mimi_record()),
        ("client_lookup", client_lookup()),
        ("configurations", configurations()),
        ("publishing", publishing()),
    ];
    for (target, seeds) in targets {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        for (at, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("{at:02}")), seed)?;
        }
    }
    Ok(())
}
