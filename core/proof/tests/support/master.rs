//! Reads the zones that RFCs print, in the form that they print them (RFC 1035 section 5).
//!
//! Knows nothing of the library, so that the library's own unit tests can use it as well.

#![allow(unreachable_pub, reason = "each test binary has its own support")]

use std::collections::BTreeMap;

use data_encoding::{BASE32HEX_NOPAD, BASE64, HEXLOWER_PERMISSIVE};

/// One record in wire form.
#[derive(Clone)]
pub struct Line {
    pub owner: Vec<u8>,
    pub rtype: u16,
    pub ttl: u32,
    pub rdata: Vec<u8>,
}

/// The types that occur.
const TYPES: [(&str, u16); 14] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("HINFO", 13),
    ("MX", 15),
    ("AAAA", 28),
    ("DNAME", 39),
    ("DS", 43),
    ("RRSIG", 46),
    ("NSEC", 47),
    ("DNSKEY", 48),
    ("NSEC3", 50),
    ("NSEC3PARAM", 51),
];

/// Reads every record of a zone.
pub fn read(text: &str) -> Vec<Line> {
    let (mut owner, mut ttl) = (Vec::new(), 0);
    let mut lines = Vec::new();
    for entry in entries(text) {
        let mut words = entry.words.iter().map(String::as_str).peekable();
        if !entry.indented {
            owner = name(words.next().unwrap());
        }
        while let Some(word) = words.next_if(|word| rtype(word).is_none()) {
            if word != "IN" {
                ttl = word.parse().unwrap();
            }
        }
        let rtype = rtype(words.next().unwrap()).unwrap();
        lines.push(Line {
            owner: owner.clone(),
            rtype,
            ttl,
            rdata: rdata(rtype, &words.collect::<Vec<_>>()),
        });
    }
    lines
}

struct Entry {
    indented: bool,
    words: Vec<String>,
}

/// Splits into records: lines, unless parentheses join them.
fn entries(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        let line = line.split(';').next().unwrap();
        if line.trim().is_empty() {
            continue;
        }
        if !open {
            let indented = line.starts_with(' ');
            let words = Vec::new();
            entries.push(Entry { indented, words });
        }
        let words = &mut entries.last_mut().unwrap().words;
        for word in line.split_whitespace() {
            match word {
                "(" => open = true,
                ")" => open = false,
                word => words.push(word.to_owned()),
            }
        }
    }
    entries
}

fn rtype(text: &str) -> Option<u16> {
    let known = TYPES.iter().find(|(mnemonic, _)| *mnemonic == text);
    let number = || text.strip_prefix("TYPE")?.parse().ok();
    known.map(|&(_, number)| number).or_else(number)
}

fn name(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    for label in text.trim_end_matches('.').split('.') {
        octets.push(label.len() as u8);
        octets.extend(label.as_bytes());
    }
    octets.push(0);
    octets
}

fn number<const OCTETS: usize>(text: &str) -> Vec<u8> {
    text.parse::<u64>().unwrap().to_be_bytes()[8 - OCTETS..].to_vec()
}

/// Reads YYYYMMDDHHmmSS (RFC 4034 section 3.2).
fn time(text: &str) -> Vec<u8> {
    let part = |from: usize, to: usize| text[from..to].parse::<u64>().unwrap();
    let (year, month, day) = (part(0, 4), part(4, 6), part(6, 8));
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let years: u64 = (1970..year).map(|year| 365 + u64::from(leap(year))).sum();
    let february = 28 + u64::from(leap(year));
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days = years + months[..month as usize - 1].iter().sum::<u64>() + day - 1;
    let seconds = ((days * 24 + part(8, 10)) * 60 + part(10, 12)) * 60 + part(12, 14);
    (seconds as u32).to_be_bytes().to_vec()
}

fn bitmap(words: &[&str]) -> Vec<u8> {
    let mut windows = BTreeMap::<u8, [u8; 32]>::new();
    for word in words {
        let [window, low] = rtype(word).unwrap().to_be_bytes();
        windows.entry(window).or_default()[usize::from(low) / 8] |= 0x80 >> (low % 8);
    }
    let mut octets = Vec::new();
    for (window, bits) in windows {
        let length = 32 - bits.iter().rev().take_while(|&&octet| octet == 0).count();
        octets.extend([window, length as u8]);
        octets.extend(&bits[..length]);
    }
    octets
}

fn rdata(rtype: u16, words: &[&str]) -> Vec<u8> {
    let base64 = |words: &[&str]| BASE64.decode(words.concat().as_bytes()).unwrap();
    let hex = |words: &[&str]| {
        HEXLOWER_PERMISSIVE
            .decode(words.concat().as_bytes())
            .unwrap()
    };
    let salt = || [&[hex(&words[3..4]).len() as u8][..], &hex(&words[3..4])].concat();
    let head = || {
        [
            number::<1>(words[0]),
            number::<1>(words[1]),
            number::<2>(words[2]),
        ]
        .concat()
    };
    match rtype {
        1 => words[0]
            .parse::<std::net::Ipv4Addr>()
            .unwrap()
            .octets()
            .to_vec(),
        2 | 5 | 39 => name(words[0]),
        6 => {
            let numbers = words[2..].iter().flat_map(|word| number::<4>(word));
            [name(words[0]), name(words[1]), numbers.collect()].concat()
        }
        13 => words
            .iter()
            .map(|word| word.trim_matches('"'))
            .flat_map(|word| [&[word.len() as u8], word.as_bytes()].concat())
            .collect(),
        15 => [number::<2>(words[0]), name(words[1])].concat(),
        28 => words[0]
            .parse::<std::net::Ipv6Addr>()
            .unwrap()
            .octets()
            .to_vec(),
        43 => {
            let numbers = [
                number::<2>(words[0]),
                number::<1>(words[1]),
                number::<1>(words[2]),
            ];
            [numbers.concat(), hex(&words[3..])].concat()
        }
        46 => [
            self::rtype(words[0]).unwrap().to_be_bytes().to_vec(),
            number::<1>(words[1]),
            number::<1>(words[2]),
            number::<4>(words[3]),
            time(words[4]),
            time(words[5]),
            number::<2>(words[6]),
            name(words[7]),
            base64(&words[8..]),
        ]
        .concat(),
        47 => [name(words[0]), bitmap(&words[1..])].concat(),
        48 => {
            let numbers = [
                number::<2>(words[0]),
                number::<1>(words[1]),
                number::<1>(words[2]),
            ];
            [numbers.concat(), base64(&words[3..])].concat()
        }
        50 => {
            let next = BASE32HEX_NOPAD
                .decode(words[4].to_uppercase().as_bytes())
                .unwrap();
            let next = [&[next.len() as u8][..], &next].concat();
            [head(), salt(), next, bitmap(&words[5..])].concat()
        }
        51 => [head(), salt()].concat(),
        other => panic!("type {other} has no form here"),
    }
}
