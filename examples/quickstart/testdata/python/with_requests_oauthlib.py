from oauthlib.oauth2 import LegacyApplicationClient, OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from journey import ITEMS_URL, REVOKE_URL, TOKEN_URL, journey


class RequestsOAuthlib:
    def __init__(self):
        self.session = OAuth2Session(client=LegacyApplicationClient("demo"))
        self.auth = HTTPBasicAuth("demo", "demo-secret")

    def sign_in(self, username, password):
        return self.session.fetch_token(TOKEN_URL, username=username, password=password, auth=self.auth)

    def call(self):
        response = self.session.get(ITEMS_URL)
        response.raise_for_status()
        return response.json()

    def refresh(self):
        return self.session.refresh_token(TOKEN_URL, auth=self.auth)

    def sign_out(self):
        token = self.session.token["refresh_token"]
        self.session.post(REVOKE_URL, data={"token": token}, auth=self.auth, withhold_token=True).raise_for_status()


journey(RequestsOAuthlib(), OAuth2Error)
