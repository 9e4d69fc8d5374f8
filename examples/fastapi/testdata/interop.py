"""The other side of this folder's tests with PyJWT and argon2-cffi.

interop.py token good|expired|nosub|none
interop.py decode TOKEN
interop.py hash PASSWORD
interop.py verify HASH PASSWORD...
"""

import sys
import time

import argon2
import jwt

SECRET = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"


def token(kind):
    claims = {"sub": "johndoe", "scope": "me items", "exp": int(time.time()) + 1800}
    if kind == "expired":
        claims["exp"] -= 5400
    if kind == "nosub":
        del claims["sub"]
    if kind == "none":
        return jwt.encode(claims, None, algorithm="none")
    return jwt.encode(claims, SECRET, algorithm="HS256")


def decode(text):
    claims = jwt.decode(text, SECRET, algorithms=["HS256"])
    return claims["sub"] + " " + claims["scope"]


def verify(hashed, *passwords):
    return " ".join(str(matches(hashed, password)) for password in passwords)


def matches(hashed, password):
    try:
        return argon2.PasswordHasher().verify(hashed, password)
    except argon2.exceptions.VerifyMismatchError:
        return False


commands = {"token": token, "decode": decode, "hash": argon2.PasswordHasher().hash, "verify": verify}
print(commands[sys.argv[1]](*sys.argv[2:]))
