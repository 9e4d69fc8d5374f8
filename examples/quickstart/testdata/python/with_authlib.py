from authlib.integrations.requests_client import OAuth2Session, OAuthError

from journey import ITEMS_URL, REVOKE_URL, TOKEN_URL, journey


class Authlib:
    def __init__(self):
        self.session = OAuth2Session("demo", "demo-secret")

    def sign_in(self, username, password):
        return self.session.fetch_token(TOKEN_URL, username=username, password=password)

    def call(self):
        response = self.session.get(ITEMS_URL)
        response.raise_for_status()
        return response.json()

    def refresh(self):
        return self.session.refresh_token(TOKEN_URL)

    def sign_out(self):
        self.session.revoke_token(
            REVOKE_URL, token=self.session.token["refresh_token"], token_type_hint="refresh_token"
        ).raise_for_status()


journey(Authlib(), OAuthError)
