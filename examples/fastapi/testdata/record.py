"""Records what FastAPI answers to the requests in requests.json.

The three applications are those that the Go programs of this folder port. Run
with Debian 12's packages python3-fastapi 0.92.0, python3-uvicorn 0.17.6,
python3-multipart 0.0.5, python3-jwt 2.6.0, python3-argon2 21.1.0 and
Python 3.11:

    /usr/bin/python3 record.py requests.json > answers.json

Given the name of an application instead, it prints what its /openapi.json says.

An access token in a request is written {token:SCOPES}, {expired}, {forged},
{nosub} or {unknown}; see token(). In an answer it stands as {token}.
"""

import base64
import datetime
import http.client
import json
import socket
import sys
import threading
import time
import urllib.parse

import argon2
import fastapi
import jwt
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Security
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm, SecurityScopes

SECRET = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"
JOHN_HASH = "$argon2id$v=19$m=65536,t=3,p=4$wagCPXjifgvUFBzq4hqe3w$CYaIb8sB+wtD+Vu/P4uod1+Qof8h+1g7bbDlBID48Rc"
hasher = argon2.PasswordHasher()


def extract_app():
    app = FastAPI()
    scheme = OAuth2PasswordBearer(tokenUrl="token")

    @app.get("/items/")
    async def items(token: str = Depends(scheme)):
        return {"token": token}

    return app


def login_app():
    app = extract_app()
    users = {"johndoe": "fakehashedsecret"}

    @app.post("/token")
    async def login(form: OAuth2PasswordRequestForm = Depends()):
        if users.get(form.username) != "fakehashed" + form.password:
            raise HTTPException(401, "Incorrect username or password", {"WWW-Authenticate": "Bearer"})
        return {"access_token": form.username, "token_type": "bearer"}

    return app


def scopes_app():
    app = FastAPI()
    scheme = OAuth2PasswordBearer(tokenUrl="token", scopes={"me": "Read about me.", "items": "Read items."})
    users = {
        "johndoe": dict(username="johndoe", full_name="John Doe", email="johndoe@example.com", disabled=False),
        "alice": dict(username="alice", full_name="Alice Chains", email="alicechains@example.com", disabled=True),
    }
    hashes = {"johndoe": JOHN_HASH, "alice": hasher.hash("secretalice")}

    async def current(wanted: SecurityScopes, token: str = Depends(scheme)):
        challenge = f'Bearer scope="{wanted.scope_str}"' if wanted.scopes else "Bearer"
        headers = {"WWW-Authenticate": challenge}
        refused = HTTPException(401, "Could not validate credentials", headers)
        try:
            claims = jwt.decode(token, SECRET, algorithms=["HS256"])
        except jwt.InvalidTokenError:
            raise refused
        user = users.get(claims.get("sub"))
        if user is None:
            raise refused
        granted = claims.get("scope", "").split(" ")
        if any(scope not in granted for scope in wanted.scopes):
            raise HTTPException(401, "Not enough permissions", headers)
        return user

    async def active(user=Security(current, scopes=["me"])):
        if user["disabled"]:
            raise HTTPException(400, "Inactive user")
        return user

    @app.post("/token")
    async def login(form: OAuth2PasswordRequestForm = Depends()):
        try:
            hasher.verify(hashes[form.username], form.password)
        except (KeyError, argon2.exceptions.VerifyMismatchError):
            raise HTTPException(400, "Incorrect username or password")
        return {"access_token": make(form.username, " ".join(form.scopes)), "token_type": "bearer"}

    @app.get("/users/me/")
    async def me(user=Depends(active)):
        return user

    @app.get("/users/me/items/")
    async def own_items(user=Security(active, scopes=["items"])):
        return [{"item_id": "Foo", "owner": user["username"]}]

    @app.get("/status/")
    async def status(user=Depends(current)):
        return {"status": "ok"}

    return app


def make(sub, scope, minutes=30, key=SECRET):
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    claims = {"sub": sub, "scope": scope, "exp": end}
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm="HS256")


def token(name):
    """The token for a placeholder."""
    kind, _, scope = name.partition(":")
    return {
        "token": lambda: make("johndoe", scope),
        "alice": lambda: make("alice", scope),
        "expired": lambda: make("johndoe", "me items", minutes=-60),
        "forged": lambda: make("johndoe", "me items", key="x" * 64),
        "nosub": lambda: make(None, "me items"),
        "unknown": lambda: make("nobody", "me items"),
        "none": lambda: jwt.encode({"sub": "johndoe", "scope": "me items"}, None, algorithm="none"),
    }[kind]()


def fill(text):
    while "{" in text:
        before, _, rest = text.partition("{")
        name, _, after = rest.partition("}")
        text = before + token(name) + after
    return text


def serve(app):
    """Starts app on a free port, and returns the port."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    return listener.getsockname()[1]


def ask(port, request):
    body = request.get("body", "").encode()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.putrequest(request["method"], request["path"])
    if body or request["method"] == "POST":
        connection.putheader("Content-Length", str(len(body)))
    for name, value in request.get("headers", []):
        connection.putheader(name, fill(value))
    connection.endheaders(body)
    response = connection.getresponse()
    text = response.read().decode()
    headers = {n: response.getheader(n) for n in ("content-type", "www-authenticate", "location", "allow")}
    if headers["location"]:
        headers["location"] = headers["location"].replace(f"127.0.0.1:{port}", "{host}")
    body = json.loads(text) if text else None
    if isinstance(body, dict) and body.get("access_token", "").count(".") == 2:
        claims = jwt.decode(body["access_token"], SECRET, algorithms=["HS256"])
        body["access_token"] = {"sub": claims["sub"], "scope": claims["scope"], "lifetime": round(claims["exp"] - time.time(), -2)}
    return {"status": response.status, "headers": {n: v for n, v in headers.items() if v is not None}, "body": body}


def main():
    apps = {"login": login_app, "scopes": scopes_app}
    if sys.argv[1] in apps:
        print(json.dumps(apps[sys.argv[1]]().openapi()))
        return
    ports = {"extract": serve(extract_app()), "login": serve(login_app()), "scopes": serve(scopes_app())}
    with open(sys.argv[1], encoding="utf-8") as file:
        requests = json.load(file)
    answers = [dict(request, answer=ask(ports[request["app"]], request)) for request in requests]
    text = ",\n".join(json.dumps(answer, ensure_ascii=False) for answer in answers)
    print("[\n" + text + "\n]")


main()
