package tokensource_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/passbearer/passbearer/tokensource"
)

func get(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	res, err := c.Get(url)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(body)
}

func TestClient(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source, _ := r.signedIn()
		own := source.Client()
		std := oauth2.NewClient(context.WithValue(t.Context(), oauth2.HTTPClient, r.client()), source)
		for range 3 {
			for _, client := range []*http.Client{own, std} {
				status, body := get(t, client, "https://api.example/items/")
				require.Equal(t, 200, status)
				require.Equal(t, "u1", body)
			}
			expire()
		}
		require.Equal(t, 2, r.count())
	})
}

// closing tells whether a request's body was closed.
type closing struct {
	io.Reader
	closed atomic.Bool
}

func (c *closing) Close() error { c.closed.Store(true); return nil }

func TestClientWithoutToken(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source := r.open(nil)
		body := &closing{Reader: strings.NewReader("x")}
		_, err := source.Client().Post("https://api.example/items/", "text/plain", body)
		require.ErrorIs(t, err, tokensource.ErrSignInRequired)
		require.True(t, body.closed.Load())
	})
}

// A request waits for a refresh as long as its own context says.
func TestClientWaits(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source, _ := r.signedIn()
		expire()
		r.set(nil, after(3*time.Second, through))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "GET", "https://api.example/items/", nil)
		require.NoError(t, err)
		began := time.Now()
		_, err = source.Client().Do(req)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(began))
		require.NoError(t, source.Flush(t.Context()))
	})
}

// hosts answers by host, and tells who saw a token.
type hosts map[string]http.HandlerFunc

func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	return to{h[r.URL.Scheme+"://"+r.URL.Host]}.RoundTrip(r)
}

func TestTokenStaysWithItsHost(t *testing.T) {
	saw := func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header.Get("Authorization")) }
	redirect := func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		saw(w, r)
	}
	wire := hosts{"https://api.example": redirect, "https://API.example": redirect, "https://other.example": redirect, "http://api.example": saw}
	config := &oauth2.Config{Endpoint: oauth2.Endpoint{TokenURL: "https://api.example/token"}}
	source := tokensource.New(config, &store{token: &oauth2.Token{AccessToken: "secret"}}, &tokensource.Options{HTTPClient: &http.Client{Transport: wire}})
	for _, tt := range []struct{ url, want string }{
		{"https://api.example/", "Bearer secret"},
		{"https://api.example/?to=/there", "Bearer secret"},
		{"https://API.example/?to=https://api.example/there", "Bearer secret"},
		{"https://api.example/?to=https://other.example/", ""},
		{"https://api.example/?to=http://api.example/", ""},
		{"https://api.example/?to=https://other.example/%3Fto=https://other.example/2", ""},
		{"https://api.example/?to=https://other.example/%3Fto=https://api.example/", "Bearer secret"},
	} {
		_, got := get(t, source.Client(), tt.url)
		require.Equal(t, tt.want, got, tt.url)
	}
}

// forgetful is a transport that does not say which request it has answered.
type forgetful struct{ http.RoundTripper }

func (f forgetful) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := f.RoundTripper.RoundTrip(r)
	if res != nil {
		res.Request = nil
	}
	return res, err
}

func TestNoTokenWhereTheOriginIsUnknown(t *testing.T) {
	saw := func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "saw "+r.Header.Get("Authorization")) }
	wire := forgetful{hosts{"https://api.example": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://other.example/", http.StatusFound)
	}, "https://other.example": saw}}
	config := &oauth2.Config{Endpoint: oauth2.Endpoint{TokenURL: "https://api.example/token"}}
	source := tokensource.New(config, &store{token: &oauth2.Token{AccessToken: "secret"}}, &tokensource.Options{HTTPClient: &http.Client{Transport: wire}})
	_, got := get(t, source.Client(), "https://api.example/")
	require.Equal(t, "saw ", got)
}

// A token request is not sent on to where a redirect says.
func TestTokenRequestStays(t *testing.T) {
	elsewhere := false
	wire := hosts{
		"https://api.example": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://other.example/", http.StatusTemporaryRedirect)
		},
		"https://other.example": func(http.ResponseWriter, *http.Request) { elsewhere = true },
	}
	config := &oauth2.Config{Endpoint: oauth2.Endpoint{TokenURL: "https://api.example/token", AuthStyle: oauth2.AuthStyleInParams}}
	source := tokensource.New(config, &store{token: &oauth2.Token{RefreshToken: "r"}}, &tokensource.Options{HTTPClient: &http.Client{Transport: wire}})
	_, err := source.Token()
	requireTemporary(t, err)
	require.ErrorContains(t, err, "307")
	require.False(t, elsewhere)
}

func TestNothingSecretIsPrinted(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		r.config.ClientSecret = "client-secret"
		source, saved := r.signedIn()
		first := saved.get()
		var out bytes.Buffer
		logger := slog.New(slog.NewJSONHandler(&out, nil))
		print := func(values ...any) {
			for _, v := range values {
				fmt.Fprintf(&out, "%v %+v %#v %s %q %x\n", v, v, v, v, v, v)
				logger.Info("x", "v", v)
			}
		}
		print(source, *source.Client(), source.Client())
		expire()
		for _, f := range []fault{lost, garbled, half, silent, unreached, status(401, `{"error":"invalid_client"}`), status(502, "page")} {
			r.set(f)
			_, err := source.Token()
			require.Error(t, err)
			print(err)
			r.set(nil)
			time.Sleep(5 * time.Second)
		}
		r.set(status(400, `{"error":"invalid_grant"}`))
		time.Sleep(time.Minute)
		_, err := source.Token()
		requireEnded(t, err)
		print(err)
		for _, secret := range []string{first.RefreshToken, first.AccessToken, saved.get().RefreshToken, saved.get().AccessToken, r.config.ClientSecret} {
			for _, form := range []string{secret, fmt.Sprintf("%x", secret)} {
				require.NotContains(t, out.String(), form)
			}
		}
		require.Contains(t, out.String(), "tokensource.Source{…}")
	})
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	file := tokensource.File(filepath.Join(dir, "token.json"))
	token, err := file.Load(t.Context())
	require.NoError(t, err)
	require.Nil(t, token)

	want := &oauth2.Token{AccessToken: "a", RefreshToken: "r", TokenType: "bearer", Expiry: time.Now().Add(time.Hour).Round(0), ExpiresIn: 3600}
	for range 2 {
		require.NoError(t, file.Save(t.Context(), want))
	}
	got, err := file.Load(t.Context())
	require.NoError(t, err)
	require.WithinDuration(t, want.Expiry, got.Expiry, 0)
	got.Expiry = want.Expiry
	require.Equal(t, want, got)
	info, err := os.Stat(string(file))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left over")

	require.NoError(t, os.WriteFile(string(file), []byte(`{"refresh_token":"sesame`), 0o600))
	_, err = file.Load(t.Context())
	require.ErrorContains(t, err, "no token in JSON")
	require.NotContains(t, err.Error(), "sesame")

	nowhere := tokensource.File(filepath.Join(dir, "nowhere", "token.json"))
	require.Error(t, nowhere.Save(t.Context(), want))
	folder := tokensource.File(dir)
	_, err = folder.Load(t.Context())
	require.Error(t, err)
	require.Error(t, folder.Save(t.Context(), want))
	entries, err = os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left over where a token could not be saved")

	t.Chdir(dir)
	require.NoError(t, tokensource.File("here.json").Save(t.Context(), want))
	require.FileExists(t, filepath.Join(dir, "here.json"))
}

// cutter is a proxy that breaks connections when the server has answered.
type cutter struct {
	net.Listener
	upstream string
	cuts     atomic.Int64 // how many to come
	done     atomic.Int64
}

func newCutter(t *testing.T, upstream string) *cutter {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &cutter{Listener: l, upstream: upstream}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.carry(conn)
		}
	}()
	return c
}

func (c *cutter) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", c.upstream)
	if err != nil {
		return
	}
	defer server.Close()
	go io.Copy(server, client)
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if n == 0 && err != nil {
			return
		}
		if c.cuts.Add(-1) >= 0 { // it has answered, and nobody hears of it
			c.done.Add(1)
			client.(*net.TCPConn).SetLinger(0)
			return
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

// Over real connections, and with a real clock.
func TestConnectionIsCut(t *testing.T) {
	r := newRig(t, rigOptions{})
	server := httptest.NewServer(r.handler)
	t.Cleanup(server.Close)
	proxy := newCutter(t, server.Listener.Addr().String())
	r.config.Endpoint.TokenURL = "http://" + proxy.Addr().String() + "/token"
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	token, err := r.config.PasswordCredentialsToken(context.WithValue(t.Context(), oauth2.HTTPClient, client), "johndoe", "secret")
	require.NoError(t, err)
	token.Expiry = time.Now() // as if it were over
	file := tokensource.File(filepath.Join(t.TempDir(), "token.json"))
	require.NoError(t, file.Save(t.Context(), token))

	source := tokensource.New(r.config, file, &tokensource.Options{HTTPClient: client})
	for i := range 3 {
		proxy.cuts.Store(2)
		next, err := source.Token()
		require.NoError(t, err)
		require.NotEqual(t, token.RefreshToken, next.RefreshToken)
		require.EqualValues(t, 2*(i+1), proxy.done.Load())
		saved, err := os.ReadFile(string(file))
		require.NoError(t, err)
		require.True(t, json.Valid(saved))
		require.Contains(t, string(saved), next.RefreshToken)
		status, body := get(t, source.Client(), server.URL+"/items/")
		require.Equal(t, 200, status, body)
		next.Expiry = time.Now()
		require.NoError(t, source.SetToken(t.Context(), next))
		token = next
	}
}
