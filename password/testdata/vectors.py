"""Writes vectors.json: hashes as other libraries make them, with the password of each.

Run with Debian 12's packages python3-passlib 1.7.4, python3-django 3.2.25,
python3-argon2 21.1.0, python3-bcrypt 3.2.2 and Python 3.11:

    /usr/bin/python3 vectors.py > vectors.json

Salts are fixed, so that every run writes the same. Most costs are low, so that the
tests are quick. Where no library is at hand, the source is named:

- Spring Security's own tests (PasswordEncoderFactoriesTests, Argon2PasswordEncoderTests)
  and Django's (test_hashers.py, for scrypt, which Debian's Django lacks) publish hashes
  with their passwords; these facts are repeated here.
- "in Spring's form" is computed by OpenSSL, through hashlib, with the costs of
  Pbkdf2PasswordEncoder and SCryptPasswordEncoder, and written as those write it.
  OpenJDK 17's PBKDF2 and Bouncy Castle 1.72's scrypt and argon2, which Spring Security
  calls, agree with each of them.
"""

import base64
import hashlib
import hmac
import json
import platform
import ssl
import unicodedata

import argon2
import bcrypt
import django
import passlib
from django.conf import settings
from django.contrib.auth import hashers
from passlib import hash as passlib_hash

settings.configure(PASSWORD_HASHERS=[])

ASCII = "correct horse battery staple"
UNICODE = "l\u00e8tmein \u20ac \U0001f40e"
DECOMPOSED = "le\u0300tmein"  # not normalised by any of the libraries
LONG = "0123456789abcdef" * 16  # 256 bytes
SALT = b"0123456789abcdef"
BCRYPT_SALT = "abcdefghijklmnopqrstuu"

vectors = []
peppered = []


def add(library, password, hashed):
    vectors.append({"library": library, "password": password, "hash": hashed})


def add_passlib():
    for name, cost, passwords in [
        ("pbkdf2_sha1", 1000, [ASCII, UNICODE]),
        ("pbkdf2_sha256", 29000, [ASCII, UNICODE, DECOMPOSED, LONG]),
        ("pbkdf2_sha512", 25000, [ASCII, LONG]),
        ("scrypt", 10, [ASCII, UNICODE, DECOMPOSED, LONG]),
        ("scrypt", 14, [ASCII]),
    ]:
        hasher = getattr(passlib_hash, name)
        for password in passwords:
            add("passlib", password, hasher.using(rounds=cost, salt=SALT).hash(password))
    add("passlib", ASCII, passlib_hash.scrypt.using(rounds=8, block_size=16, parallelism=4, salt=b"x").hash(ASCII))
    add("passlib", ASCII, passlib_hash.pbkdf2_sha256.using(rounds=1000, salt=b"\xfb\xef\xbe" * 8).hash(ASCII))
    for ident in ["2a", "2b", "2y"]:
        hasher = passlib_hash.bcrypt.using(rounds=4, salt=BCRYPT_SALT, ident=ident)
        for password in [ASCII, UNICODE, DECOMPOSED, "x" * 72]:
            add("passlib", password, hasher.hash(password))
    for version in [1, 2]:
        hasher = passlib_hash.bcrypt_sha256.using(rounds=4, salt=BCRYPT_SALT, version=version)
        for password in [ASCII, UNICODE, LONG]:
            add("passlib", password, hasher.hash(password))
    hasher = passlib_hash.bcrypt_sha256.using(rounds=10, salt=BCRYPT_SALT)
    add("passlib", ASCII, hasher.hash(ASCII))
    for type in ["I", "ID"]:
        hasher = passlib_hash.argon2.using(type=type, rounds=2, memory_cost=1024, parallelism=2, salt=SALT)
        add("passlib", ASCII, hasher.hash(ASCII))


def add_bcrypt():
    for cost, prefix in [(4, b"2a"), (4, b"2b"), (8, b"2b"), (10, b"2b")]:
        salt = b"$%s$%02d$%s" % (prefix, cost, BCRYPT_SALT.encode())
        add("bcrypt", ASCII, bcrypt.hashpw(ASCII.encode(), salt).decode())


def add_argon2():
    for kind, memory, time, lanes, length in [
        (argon2.Type.ID, 65536, 3, 4, 32),  # argon2-cffi's and pwdlib's defaults
        (argon2.Type.ID, 102400, 2, 8, 16),  # argon2-cffi's defaults before 21.2
        (argon2.Type.I, 512, 2, 2, 16),  # and before 18.2
        (argon2.Type.I, 4096, 3, 1, 32),
    ]:
        for password in [ASCII, UNICODE]:
            made = argon2.low_level.hash_secret(password.encode(), SALT, time, memory, lanes, length, kind)
            add("argon2-cffi", password, made.decode())


def add_django():
    for hasher, cost in [
        (hashers.PBKDF2PasswordHasher(), 12000),
        (hashers.PBKDF2PasswordHasher(), 260000),
        (hashers.PBKDF2SHA1PasswordHasher(), 12000),
    ]:
        for password in [ASCII, UNICODE]:
            add("Django", password, hasher.encode(password, "seasalt", cost))
    add("Django", LONG, hashers.PBKDF2PasswordHasher().encode(LONG, "EYkbTLXKDgh3X4XNyYuvQ1", 12000))
    add("Django", DECOMPOSED, hashers.PBKDF2PasswordHasher().encode(DECOMPOSED, "EYkbTLXKDgh3X4XNyYuvQ1", 12000))
    salt = ("$2b$04$" + BCRYPT_SALT).encode()
    for hasher in [hashers.BCryptSHA256PasswordHasher(), hashers.BCryptPasswordHasher()]:
        for password in [ASCII, UNICODE]:
            add("Django", password, hasher.encode(password, salt))
    add("Django", LONG, hashers.BCryptSHA256PasswordHasher().encode(LONG, salt))
    for password in [ASCII, UNICODE, DECOMPOSED]:
        add("Django", password, hashers.Argon2PasswordHasher().encode(password, "seasaltseasalt"))
    # From Django's tests.
    add("Django's tests", "l\u00e8tmein", "scrypt$16384$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==")
    add("Django's tests", "l\u00e8tmein", "pbkdf2_sha256$390000$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=")
    add("Django's tests", "l\u00e8tmein", "pbkdf2_sha1$390000$seasalt2$aDapRanzW8aHTz97v2TcfHzWD+I=")
    add("Django's tests", "secret", "argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q")
    add("Django's tests", "secret", "argon2$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw")


def add_spring():
    published = [
        ("password", "{bcrypt}$2a$10$dXJ3SW6G7P50lGmMkkmwe.20cQQubK3.HZWzG3YB1tlRy.fqvM/BG"),
        ("password", "{pbkdf2}5d923b44a6d129f3ddf3e3c8d29412723dcbde72445e8ef6bf3b508fbf17fa4ed4d6b99ca763d8dc"),
        ("password", "{scrypt}$e0801$8bWJaSu2IKSn9Z9kM+TPXfOc/9bdYSrN1oD9qfVThWEwdRTnO7re7Ei+fUZRJ68k9lTyuTeUp4of4g24hHnazw==$OAOec05+bXxvuu/1qZ6NUR+xQYvYv7BeL1QxwRpY5Pc="),
        ("sometestpassword", "$argon2id$v=19$m=4096,t=3,p=1$QUFBQUFBQUFBQUFBQUFBQQ$hmmTNyJlwbb6HAvFoHFWF+u03fdb0F2qA+39oPlcAqo"),
        ("sometestpassword", "$argon2id$v=19$m=512,t=5,p=4$QUFBQUFBQUFBQUFBQUFBQQ$PNv4C3K50bz3rmON+LtFpdisD7ePieLNq+l5iUHgc1k"),
    ]
    for password, hashed in published:
        add("Spring Security's tests", password, hashed)
        if hashed.startswith("{scrypt}"):
            add("Spring Security's tests", password, hashed.removeprefix("{scrypt}"))
        if hashed.startswith("$argon2id"):
            add("Spring Security's tests", password, "{argon2}" + hashed)
            add("Spring Security's tests", password, "{argon2@SpringSecurity_v5_8}" + hashed)
    for password in [ASCII, UNICODE, DECOMPOSED, LONG]:
        new = SALT + hashlib.pbkdf2_hmac("sha256", password.encode(), SALT, 310000, 32)
        old = SALT[:8] + hashlib.pbkdf2_hmac("sha1", password.encode(), SALT[:8], 185000, 32)
        add("hashlib, in Spring's form", password, "{pbkdf2@SpringSecurity_v5_8}" + new.hex())
        add("hashlib, in Spring's form", password, "{pbkdf2}" + old.hex())
    add("hashlib, in Spring's form", password, "{pbkdf2@SpringSecurity_v5_8}" + base64.b64encode(new).decode())
    add("hashlib, in Spring's form", password, "{pbkdf2}" + base64.b64encode(old).decode())
    add("hashlib, in Spring's form", ASCII, "{scrypt@SpringSecurity_v5_8}" + spring_scrypt(ASCII, 16, 8, 1))
    add("hashlib, in Spring's form", UNICODE, "{scrypt@SpringSecurity_v5_8}" + spring_scrypt(UNICODE, 12, 8, 4))
    add("hashlib, in Spring's form", LONG, spring_scrypt(LONG, 9, 16, 4))


def spring_scrypt(password, log, r, p):
    tag = hashlib.scrypt(password.encode(), salt=SALT, n=1 << log, r=r, p=p, dklen=32, maxmem=1 << 28)
    return f"${log << 16 | r << 8 | p:x}${base64.b64encode(SALT).decode()}${base64.b64encode(tag).decode()}"


def add_peppered():
    """What the documentation of Pepper says, in Python."""
    for password in [ASCII, UNICODE, DECOMPOSED, LONG]:
        key = hashlib.sha256(b"a key, random in a real program").digest()
        normal = unicodedata.normalize("NFC", password).encode()
        made = argon2.low_level.hash_secret(hmac.digest(key, normal, "sha256"), SALT, 2, 64, 1, 32, argon2.Type.ID)
        keyid = base64.b64encode(b"2026").decode().rstrip("=")
        hashed = made.decode().replace(",p=1$", f",p=1,keyid={keyid}$")
        peppered.append({"key": key.hex(), "password": password, "hash": hashed})


def main():
    add_peppered()
    for each in [add_passlib, add_bcrypt, add_argon2, add_django, add_spring]:
        each()
    versions = {
        "Python": platform.python_version(),
        "passlib": passlib.__version__,
        "bcrypt": bcrypt.__version__,
        "argon2-cffi": argon2.__version__,
        "Django": django.__version__,
        "OpenSSL": ssl.OPENSSL_VERSION.split()[1],
    }
    print('{"versions": %s,\n"vectors": %s,\n"peppered": %s}' % (json.dumps(versions), lines(vectors), lines(peppered)))


def lines(values):
    return "[\n" + ",\n".join(json.dumps(value) for value in values) + "\n]"


main()
