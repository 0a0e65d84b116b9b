"""Writes schedule.json: the key schedule of sotto-envelope, computed without Rust.

Needs Python 3.11 and `cryptography` 48 or later (for ML-KEM). Prints to standard output.
"""

import hashlib
import hmac
import json

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

XWING, X25519 = 0x647A, 0x0020


def extract(salt, ikm):
    return hmac.digest(salt or bytes(32), ikm, "sha256")


def expand(prk, info, length):
    assert length <= 32
    return hmac.digest(prk, info + b"\x01", "sha256")[:length]


def u(number, octets):
    return number.to_bytes(octets, "big")


def xwing_public_key(ikm):
    """DeriveKeyPair of draft-ietf-hpke-pq and draft-connolly-cfrg-xwing-kem."""
    label = b"DeriveKeyPair"
    labeled = ikm + b"HPKE-v1" + b"KEM" + u(XWING, 2) + u(len(label), 2) + label + u(32, 2)
    seed = hashlib.shake_256(labeled).digest(32)
    expanded = hashlib.shake_256(seed).digest(96)
    lattice = MLKEM768PrivateKey.from_seed_bytes(expanded[:64]).public_key()
    curve = X25519PrivateKey.from_private_bytes(expanded[64:]).public_key()
    return lattice.public_bytes_raw() + curve.public_bytes_raw()


def x25519_public_key(ikm):
    """DeriveKeyPair of RFC 9180 section 7.1.3."""
    suite = b"KEM" + u(X25519, 2)
    prk = extract(b"", b"HPKE-v1" + suite + b"dkp_prk" + ikm)
    key = expand(prk, u(32, 2) + b"HPKE-v1" + suite + b"sk", 32)
    return X25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()


def configuration(epoch, index, kem, public_key):
    key_id = (epoch % 64) * 4 + index
    encoded = u(key_id, 1) + u(kem, 2) + public_key + u(4, 2) + u(1, 2) + u(1, 2)
    return u(len(encoded), 2) + encoded


def main():
    secret, first = bytes(range(32)), 20_779
    state = extract(b"sotto ratchet 1 first", secret)
    epochs = []
    for epoch in range(first, first + 4):
        if epoch > first:
            state = expand(state, b"sotto ratchet 1 next" + u(epoch, 8), 32)
        ikm = {
            kem: expand(state, b"sotto ratchet 1 ikm" + u(epoch, 8) + u(kem, 2), 32)
            for kem in (XWING, X25519)
        }
        check = expand(state, b"sotto ratchet 1 check" + u(epoch, 8), 8)
        curve = x25519_public_key(ikm[X25519])
        encoded = configuration(epoch, 0, XWING, xwing_public_key(ikm[XWING]))
        encoded += configuration(epoch, 1, X25519, curve)
        epochs.append(
            {
                "epoch": epoch,
                "state_file": f"sotto-ratchet 1\nepoch {epoch}\nstate {state.hex()}\ncheck {check.hex()}\n",
                "xwing_ikm": ikm[XWING].hex(),
                "x25519_ikm": ikm[X25519].hex(),
                "x25519_public_key": curve.hex(),
                "list_sha256": hashlib.sha256(encoded).hexdigest(),
            }
        )
    print(json.dumps({"secret": secret.hex(), "first_epoch": first, "epochs": epochs}, indent=2))


main()
