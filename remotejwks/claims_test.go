package remotejwks_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/remotejwks"
)

// TestClaims has tokens in the shapes that issuers document.
func TestClaims(t *testing.T) {
	const keycloak = `{"jti":"1","auth_time":1700000000,"typ":"Bearer","azp":"spa","sid":"s","acr":"1","allowed-origins":["https://spa.example"],
		"realm_access":{"roles":["offline_access","admin"]},"resource_access":{"my-api":{"roles":["items:read"]},"account":{"roles":["view-profile"]}},
		"scope":"openid profile","aud":["https://api.example","account"],"preferred_username":"johndoe"}`
	const auth0 = `{"aud":["https://api.example","https://tenant.example/userinfo"],"azp":"spa","scope":"openid items:read","gty":"password",
		"permissions":["items:read","items:write"],"https://app.example/roles":["editor"]}`
	const entra2 = `{"azp":"spa","azpacr":"0","scp":"items:read items:write","roles":["Items.All","Site Admin"],"oid":"o","tid":"t","ver":"2.0","uti":"u","rh":"r"}`
	const entra1 = `{"appid":"daemon","appidacr":"1","roles":["Items.All"],"amr":["pwd","mfa"],"ver":"1.0"}`
	const okta = `{"cid":"spa","uid":"u","scp":["openid","items:read"],"auth_time":1700000000,"ver":1}`
	for name, tt := range map[string]struct {
		claims string
		mapped remotejwks.ClaimsMap
		scope  passbearer.Scope
		client string
	}{
		"Keycloak":              {keycloak, nil, "openid profile", "spa"},
		"Keycloak, realm roles": {keycloak, remotejwks.ScopeFrom("/realm_access/roles"), "openid profile offline_access admin", "spa"},
		"Keycloak, roles":       {keycloak, remotejwks.ScopeFrom("/resource_access/my-api/roles"), "openid profile items:read", "spa"},
		"Auth0":                 {auth0, nil, "openid items:read", "spa"},
		"Auth0, permissions":    {auth0, remotejwks.ScopeFrom("permissions"), "openid items:read items:write", "spa"},
		"Auth0, own claim":      {auth0, remotejwks.ScopeFrom("https://app.example/roles"), "openid items:read editor", "spa"},
		"Auth0, as a pointer":   {auth0, remotejwks.ScopeFrom("/https:~1~1app.example~1roles"), "openid items:read editor", "spa"},
		"Entra ID":              {entra2, nil, "items:read items:write", "spa"},
		"Entra ID, roles":       {entra2, remotejwks.ScopeFrom("roles"), "items:read items:write Items.All", "spa"},
		"Entra ID, daemon":      {entra1, remotejwks.ScopeFrom("roles"), "Items.All", "daemon"},
		"Okta":                  {okta, nil, "openid items:read", "spa"},
		"scope as an array":     {`{"scope":["a","b"],"client_id":"c","azp":"d"}`, nil, "a b", "c"},
		"scope before scp":      {`{"scope":"a","scp":"b"}`, nil, "a", ""},
		"neither":               {`{}`, nil, "", ""},
		"of another form":       {`{"scp":{"a":1},"azp":7,"roles":"r s","n":null}`, remotejwks.ScopeFrom("n", "/roles/x", "/n/x", "absent", "roles"), "r s", ""},
		"characters":            {`{"scp":["a b","","c\"","d","d"]}`, nil, "d", ""},
		"case":                  {`{"SCP":"a"}`, nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			one := newSigner(t, "one")
			v, err := remotejwks.New([]remotejwks.Issuer{{URL: issuerURL, Audience: audience, Map: tt.mapped}},
				&remotejwks.Options{Transport: newSite(t, one), Observer: new(recorder)})
			require.NoError(t, err)
			var claims map[string]any
			require.NoError(t, json.Unmarshal([]byte(tt.claims), &claims))
			c, err := v.VerifyToken(t.Context(), one.token(t, claims))
			require.NoError(t, err)
			require.Equal(t, tt.scope, c.Scope)
			require.Equal(t, tt.client, c.ClientID)
			require.Equal(t, "johndoe", c.Subject)
		})
	}
	require.Panics(t, func() { remotejwks.ScopeFrom("") })
	require.Panics(t, func() { remotejwks.ScopeFrom("/a~2") })
}
