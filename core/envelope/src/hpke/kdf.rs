//! The labelled key derivations of RFC 9180 section 4 over HKDF-SHA256, and that of draft-ietf-hpke-pq over SHAKE256.

use hkdf::{Hkdf, HkdfExtract};
use sha2::Sha256;
use shake::{ExtendableOutput as _, Shake256, Update as _, XofReader as _};
use zeroize::{Zeroize as _, Zeroizing};

/// What parts the labels of this version of HPKE from all others.
const VERSION: &[u8] = b"HPKE-v1";

/// Octets of a hash, and of an extracted secret.
pub(crate) const HASH_BYTES: usize = 32;

/// A pseudorandom key, with the hash states that expanding it begins with.
pub(crate) struct Prk(Hkdf<Sha256>);

impl From<&[u8; HASH_BYTES]> for Prk {
    fn from(prk: &[u8; HASH_BYTES]) -> Self {
        let expander = Hkdf::from_prk(prk);
        Self(expander.unwrap_or_else(|_| unreachable!("as long as a hash is long enough")))
    }
}

impl Prk {
    /// Extract of RFC 5869 section 2.2.
    pub(crate) fn extract(salt: &[u8], ikm: &[u8]) -> Self {
        let mut extraction = HkdfExtract::new(Some(salt));
        extraction.input_ikm(ikm);
        Self::finish(extraction)
    }

    /// LabeledExtract without salt.
    pub(crate) fn labeled(suite_id: &[u8], label: &[u8], ikm: &[u8]) -> Self {
        Self::labeled_with(suite_id, &[], label, ikm)
    }

    /// LabeledExtract.
    pub(crate) fn labeled_with(suite_id: &[u8], salt: &[u8], label: &[u8], ikm: &[u8]) -> Self {
        Self::finish(extraction(suite_id, salt, label, ikm))
    }

    fn finish(extraction: HkdfExtract<Sha256>) -> Self {
        let (mut prk, expander) = extraction.finalize();
        prk.as_mut_slice().zeroize();
        Self(expander)
    }

    /// Expand of RFC 5869 section 2.3.
    pub(crate) fn expand<const N: usize>(&self, info: &[&[u8]]) -> Zeroizing<[u8; N]> {
        const { assert!(N <= 255 * HASH_BYTES && N <= u16::MAX as usize) };
        let mut okm = Zeroizing::new([0; N]);
        self.0
            .expand_multi_info(info, okm.as_mut_slice())
            .unwrap_or_else(|_| unreachable!("as short as the assertion says"));
        okm
    }

    /// LabeledExpand.
    pub(crate) fn labeled_expand<const N: usize>(
        &self,
        suite_id: &[u8],
        label: &[u8],
        info: &[&[u8]],
    ) -> Zeroizing<[u8; N]> {
        let [high, low] = octets_of(N);
        match *info {
            [] => self.expand(&[&[high, low], VERSION, suite_id, label]),
            [info] => self.expand(&[&[high, low], VERSION, suite_id, label, info]),
            _ => self.expand(&[&[high, low], VERSION, suite_id, label, &info.concat()]),
        }
    }
}

/// LabeledExtract, for what is public.
pub(super) fn labeled_hash(suite_id: &[u8], label: &[u8], ikm: &[u8]) -> [u8; HASH_BYTES] {
    extraction(suite_id, &[], label, ikm).finalize().0.into()
}

fn extraction(suite_id: &[u8], salt: &[u8], label: &[u8], ikm: &[u8]) -> HkdfExtract<Sha256> {
    let mut extraction = HkdfExtract::new(Some(salt));
    for part in [VERSION, suite_id, label, ikm] {
        extraction.input_ikm(part);
    }
    extraction
}

/// LabeledDerive of draft-ietf-hpke-hpke section 4, without context.
pub(super) fn labeled_derive<const N: usize>(
    suite_id: &[u8],
    ikm: &[u8],
    label: &[u8],
) -> Zeroizing<[u8; N]> {
    let (label_octets, derived_octets) = (octets_of(label.len()), octets_of(N));
    shake256(&[
        ikm,
        VERSION,
        suite_id,
        &label_octets,
        label,
        &derived_octets,
    ])
}

/// The first `N` octets of SHAKE256 of the concatenation of `parts`.
pub(super) fn shake256<const N: usize>(parts: &[&[u8]]) -> Zeroizing<[u8; N]> {
    let mut hash = Shake256::default();
    for part in parts {
        hash.update(part);
    }
    let mut output = Zeroizing::new([0; N]);
    hash.finalize_xof().read(output.as_mut_slice());
    output
}

/// I2OSP(length, 2).
fn octets_of(length: usize) -> [u8; 2] {
    u16::try_from(length)
        .unwrap_or_else(|_| unreachable!("labels and keys are short"))
        .to_be_bytes()
}
