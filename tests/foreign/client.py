"""An Oblivious HTTP client that shares nothing with Sotto: written from RFC 9458, 9180 and 9292, over OpenSSL.

client.py RESOURCE CA AUTHORITY PATH

Fetches key configurations from the relay resource (RFC 9540), seals a GET of PATH at AUTHORITY to the X25519 one, posts
it, and prints what came back: {"status": ..., "type": ..., "content": hexadecimal, "sealed": octets}.
"""

import hashlib
import hmac
import json
import ssl
import struct
import sys
import urllib.request

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM (RFC 9180 section 7), with the lengths that go with them.
KEM, KDF, AEAD = 0x0020, 0x0001, 0x0001
KEY_BYTES, NONCE_BYTES, PUBLIC_KEY_BYTES = 16, 12, 32
KEM_SUITE = b"KEM" + struct.pack("!H", KEM)
HPKE_SUITE = b"HPKE" + struct.pack("!HHH", KEM, KDF, AEAD)


def extract(salt, ikm):
    return hmac.new(salt or bytes(32), ikm, hashlib.sha256).digest()


def expand(prk, info, length):
    block, output = b"", b""
    while len(output) < length:
        block = hmac.new(prk, block + info + bytes([len(output) // 32 + 1]), hashlib.sha256).digest()
        output += block
    return output[:length]


def labeled_extract(suite, salt, label, ikm):
    return extract(salt, b"HPKE-v1" + suite + label + ikm)


def labeled_expand(suite, prk, label, info, length):
    return expand(prk, struct.pack("!H", length) + b"HPKE-v1" + suite + label + info, length)


def configuration(listed):
    """The first configuration with our suite: (key identifier, public key). RFC 9458 section 3."""
    while listed:
        (length,) = struct.unpack_from("!H", listed)
        config, listed = listed[2 : 2 + length], listed[2 + length :]
        key_id, kem = struct.unpack_from("!BH", config)
        if kem == KEM:
            public_key, rest = config[3 : 3 + PUBLIC_KEY_BYTES], config[3 + PUBLIC_KEY_BYTES :]
            (octets,) = struct.unpack_from("!H", rest)
            suites = struct.iter_unpack("!HH", rest[2 : 2 + octets])
            if (KDF, AEAD) in suites:
                return key_id, public_key
    sys.exit("no configuration for X25519")


def encapsulate(key_id, public_key, request):
    """The encapsulated request, and what opens its response. RFC 9180 section 5, RFC 9458 section 4.3."""
    header = struct.pack("!BHHH", key_id, KEM, KDF, AEAD)
    ephemeral = X25519PrivateKey.generate()
    enc = ephemeral.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public_key))
    prk = labeled_extract(KEM_SUITE, b"", b"eae_prk", shared)
    shared = labeled_expand(KEM_SUITE, prk, b"shared_secret", enc + public_key, 32)

    info = b"message/bhttp request\0" + header
    context = (
        b"\0"
        + labeled_extract(HPKE_SUITE, b"", b"psk_id_hash", b"")
        + labeled_extract(HPKE_SUITE, b"", b"info_hash", info)
    )
    secret = labeled_extract(HPKE_SUITE, shared, b"secret", b"")
    key = labeled_expand(HPKE_SUITE, secret, b"key", context, KEY_BYTES)
    nonce = labeled_expand(HPKE_SUITE, secret, b"base_nonce", context, NONCE_BYTES)
    exporter = labeled_expand(HPKE_SUITE, secret, b"exp", context, 32)
    exported = labeled_expand(HPKE_SUITE, exporter, b"sec", b"message/bhttp response", KEY_BYTES)
    return header + enc + AESGCM(key).encrypt(nonce, request, b""), (enc, exported)


def decapsulate(response, enc, exported):
    """RFC 9458 section 4.4."""
    nonce, sealed = response[:KEY_BYTES], response[KEY_BYTES:]
    prk = extract(enc + nonce, exported)
    key, iv = expand(prk, b"key", KEY_BYTES), expand(prk, b"nonce", NONCE_BYTES)
    return AESGCM(key).decrypt(iv, sealed, b"")


def varint(number):
    """RFC 9000 section 16."""
    return bytes([number]) if number < 64 else struct.pack("!H", 0x4000 | number)


def read_varint(octets, at):
    length = 1 << (octets[at] >> 6)
    value = int.from_bytes(octets[at : at + length], "big") & ((1 << (8 * length - 2)) - 1)
    return value, at + length


def read_string(octets, at):
    length, at = read_varint(octets, at)
    return octets[at : at + length], at + length


def binary_request(authority, path):
    """A request of known length, without fields, content or trailers. RFC 9292 section 3.1."""
    control = [b"GET", b"https", authority.encode(), path.encode()]
    return varint(0) + b"".join(varint(len(text)) + text for text in control) + varint(0) * 3


def binary_response(octets):
    framing, at = read_varint(octets, 0)
    assert framing == 1, "a response of known length"
    status, at = read_varint(octets, at)
    section, at = read_string(octets, at)
    content, at = read_string(octets, at)
    fields, start = {}, 0
    while start < len(section):
        name, start = read_string(section, start)
        value, start = read_string(section, start)
        fields[name.decode()] = value.decode()
    assert not any(octets[at:]), "no trailers, and zeros as padding"
    return status, fields, content


def main(resource, ca, authority, path):
    # As strict as the system's own trust, which does not know the test's authority.
    tls = ssl.create_default_context(cafile=ca)
    with urllib.request.urlopen(resource, context=tls) as answer:
        assert answer.headers["Content-Type"] == "application/ohttp-keys"
        key_id, public_key = configuration(answer.read())
    sealed, opener = encapsulate(key_id, public_key, binary_request(authority, path))
    post = urllib.request.Request(resource, sealed, {"Content-Type": "message/ohttp-req"})
    with urllib.request.urlopen(post, context=tls) as answer:
        assert answer.headers["Content-Type"] == "message/ohttp-res"
        response = answer.read()
    status, fields, content = binary_response(decapsulate(response, *opener))
    found = {"status": status, "type": fields.get("content-type"), "content": content.hex(), "sealed": len(response)}
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
