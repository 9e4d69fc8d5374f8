"""One OAuth client's way through the quickstart."""

import json
import sys

BASE_URL = sys.argv[1]
TOKEN_URL = BASE_URL + "/token"
REVOKE_URL = BASE_URL + "/token/revoke"
ITEMS_URL = BASE_URL + "/items/"


def journey(client, refused):
    """Print, as one line of JSON, what client saw.

    client has sign_in(username, password), call(), refresh() and sign_out();
    it keeps the tokens itself, and returns them. refused is what it raises
    when the server refuses, with the code as its attribute error.
    """

    def refusal(attempt, *args):
        try:
            attempt(*args)
        except refused as e:
            return e.error
        return "no error"

    first = dict(client.sign_in("johndoe", "secret"))
    items = [client.call()]
    second = dict(client.refresh())
    items.append(client.call())
    client.sign_out()
    print(json.dumps({
        "tokens": [first, second],
        "items": items,
        "afterSignOut": refusal(client.refresh),
        "wrongPassword": refusal(client.sign_in, "johndoe", "wrong"),
    }))
