from oauthlib.oauth2 import LegacyApplicationClient, OAuth2Error
from requests_oauthlib import OAuth2Session

from journey import ITEMS_URL, REVOKE_URL, TOKEN_URL, journey


class RequestsOAuthlib:
    def __init__(self):
        self.session = OAuth2Session(client=LegacyApplicationClient("web"))

    def sign_in(self, username, password):
        return self.session.fetch_token(TOKEN_URL, username=username, password=password)

    def call(self):
        response = self.session.get(ITEMS_URL)
        response.raise_for_status()
        return response.json()

    def refresh(self):
        return self.session.refresh_token(TOKEN_URL)

    def sign_out(self):
        token = self.session.token["refresh_token"]
        self.session.post(REVOKE_URL, data={"token": token}, withhold_token=True).raise_for_status()


journey(RequestsOAuthlib(), OAuth2Error)
