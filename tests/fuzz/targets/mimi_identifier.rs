//! Whatever a person types.
//!
//! Asserted: an identifier survives its canonical spelling, and ASCII letters of either case mean the same one; its
//! owner names can be asked for and are names to the verifier; every refusal has a code and a remedy.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sotto_envelope::ProofQuery;
use sotto_fuzz::Input;
use sotto_mimi::{Domain, Identifier, Mailbox, OwnerName, RecordForm, Service};
use sotto_proof::Name;

fuzz_target!(|octets: &[u8]| {
    let mut input = Input::new(octets);
    match input.u8() % 4 {
        0 => {
            let (local, domain) = (input.text(), input.text());
            if let Some(mailbox) = domain
                .parse()
                .ok()
                .and_then(|domain| Mailbox::new(&local, domain).ok())
            {
                assert!((1..=64).contains(&mailbox.local_part().len()));
                assert_eq!(mailbox.to_string().parse().as_ref(), Ok(&mailbox));
            }
        }
        1 => exercise_domain(&String::from_utf8_lossy(input.rest())),
        _ => exercise(&String::from_utf8_lossy(input.rest())),
    }
});

fn exercise_domain(text: &str) {
    match text.parse::<Domain>() {
        Ok(domain) => {
            assert_eq!(domain.as_str().parse().as_ref(), Ok(&domain));
            assert!(domain.as_str().len() <= 253 && domain.as_str().contains('.'));
            assert!(domain.as_str().parse::<Name>().is_ok());
            assert!(
                !domain
                    .as_str()
                    .bytes()
                    .any(|octet| octet.is_ascii_uppercase())
            );
            if let Ok(owner) = OwnerName::every_mailbox(&domain) {
                is_askable(&owner);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn exercise(text: &str) {
    let identifier = match text.parse::<Identifier>() {
        Ok(identifier) => identifier,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert!(!error.code().is_empty() && !error.remedy().is_empty());
            return;
        }
    };
    assert_eq!(identifier.to_string().parse().as_ref(), Ok(&identifier));
    // Accounts have cases of their own, and so have letters outside of ASCII.
    if text.is_ascii() && !matches!(identifier, Identifier::Uri(_)) && !text.contains('%') {
        assert_eq!(text.to_ascii_uppercase().parse().as_ref(), Ok(&identifier));
        assert_eq!(text.to_ascii_lowercase().parse().as_ref(), Ok(&identifier));
    }

    let zone: Domain = "enum.example".parse().expect("a domain");
    for form in [RecordForm::Txt, RecordForm::Mimi] {
        match identifier.owner(form, Some(&zone)) {
            Ok(owner) => {
                is_askable(&owner);
                let bare = form == RecordForm::Mimi && matches!(identifier, Identifier::Host(_));
                assert_eq!(owner.mimi_label_suffix().is_none(), bare);
            }
            Err(error) => assert!(matches!(identifier, Identifier::Uri(_)), "{error}"),
        }
    }
    if let Identifier::Uri(uri) = &identifier {
        let service = Service::from(uri);
        assert_eq!(service.mimi_uri(), Some(identifier.to_string()));
        assert!(service.directory_url().starts_with("https://"));
    }
}

/// Asserts that a gateway can be asked for the name, and that the verifier reads it as the same one.
fn is_askable(owner: &OwnerName) {
    assert!(ProofQuery::new(owner.as_str(), "TXT").is_ok(), "{owner}");
    let name: Name = owner.as_str().parse().expect("a name");
    assert_eq!(name.to_string(), owner.as_str());
}
