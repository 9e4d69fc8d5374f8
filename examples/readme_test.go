// Package examples tests that the README's programs are those of this folder,
// and that they compile and do what it says.
package examples

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

var goBlocks = regexp.MustCompile("(?s)```go\n(.*?)```")

// TestReadme: the README's first Go block is a program of this folder to the
// letter, and each other one is a part of one.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	blocks := goBlocks.FindAllSubmatch(readme, -1)
	programs := []string{"simplest", "chi", "resourceserver", "docs"}
	require.Len(t, blocks, len(programs))
	for i, name := range programs {
		text, err := os.ReadFile(filepath.Join(name, "main.go"))
		require.NoError(t, err)
		block := string(blocks[i][1])
		if i == 0 {
			require.Equal(t, string(text), block, name)
			require.LessOrEqual(t, strings.Count(block, "\n"), 30, "the simplest server")
			continue
		}
		require.Contains(t, strings.ReplaceAll(string(text), "\n\t", "\n"), "\n"+block, name)
	}
}

// start builds the program with another address in the place of
// localhost:8000, and runs it in dir.
func start(t *testing.T, name, dir string) (base string) {
	t.Helper()
	source, err := filepath.Abs(filepath.Join(name, "main.go"))
	require.NoError(t, err)
	text, err := os.ReadFile(source)
	require.NoError(t, err)
	addr := freeAddr(t)
	tmp := t.TempDir()
	changed := filepath.Join(tmp, "main.go")
	require.NoError(t, os.WriteFile(changed, []byte(strings.ReplaceAll(string(text), "localhost:8000", addr)), 0o600))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{source: changed}})
	require.NoError(t, err)
	overlayFile, binary := filepath.Join(tmp, "overlay.json"), filepath.Join(tmp, "program")
	require.NoError(t, os.WriteFile(overlayFile, overlay, 0o600))
	out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlayFile, "-o", binary, "./"+name).CombinedOutput()
	require.NoError(t, err, "%s", out)

	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, binary)
	cmd.Dir = dir
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			t.Log(name, lines.Text())
		}
	}()
	t.Cleanup(func() { cancel(); cmd.Wait() })
	waitFor(t, addr)
	return "http://" + addr
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// waitFor dials until somebody listens: the program does not say when.
func waitFor(t *testing.T, addr string) {
	t.Helper()
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}, 30*time.Second, 10*time.Millisecond)
}

func get(t *testing.T, address, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
	require.NoError(t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(body)
}

func signIn(t *testing.T, base string) string {
	t.Helper()
	res, err := http.PostForm(base+"/token", url.Values{"username": {"johndoe"}, "password": {"secret"}})
	require.NoError(t, err)
	defer res.Body.Close()
	var body map[string]any
	require.NoError(t, json.NewDecoder(res.Body).Decode(&body))
	require.Equal(t, "bearer", body["token_type"])
	return body["access_token"].(string)
}

func TestSimplest(t *testing.T) {
	base := start(t, "simplest", t.TempDir())
	token := signIn(t, base)
	status, body := get(t, base+"/items/", token)
	require.Equal(t, 200, status)
	require.Regexp(t, `^Hello, user [A-Z2-7]{26}\n$`, body)
	status, body = get(t, base+"/items/", "")
	require.Equal(t, 401, status)
	require.Equal(t, `{"detail":"Not authenticated"}`+"\n", body)
}

func TestChi(t *testing.T) {
	base := start(t, "chi", t.TempDir())
	token := signIn(t, base)
	for _, tt := range []struct {
		path, token string
		status      int
		body        string
	}{
		{"/me", token, 200, "John Doe: gold\n"},
		{"/ping", token, 200, "pong\n"},
		{"/ping", "", 401, `{"detail":"Not authenticated"}` + "\n"},
		{"/me", token + "x", 401, `{"detail":"Could not validate credentials"}` + "\n"},
	} {
		status, body := get(t, base+tt.path, tt.token)
		require.Equal(t, tt.status, status, tt.path)
		require.Equal(t, tt.body, body, tt.path)
	}
}

func TestResourceServer(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "issuer-public.pem"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600))
	base := start(t, "resourceserver", dir)

	key, err := jwttoken.NewKey(jwttoken.ES256, private, "")
	require.NoError(t, err)
	keys, err := jwttoken.NewKeys(key)
	require.NoError(t, err)
	issuer, err := jwttoken.New(keys, "https://issuer.example", "https://api.example", nil)
	require.NoError(t, err)
	for _, tt := range []struct {
		scope  passbearer.Scope
		status int
		body   string
	}{
		{"items:read", 200, "Hello, user u1 of client web\n"},
		{"me", 403, `{"detail":"The token lacks a scope that this resource demands"}` + "\n"},
	} {
		token, err := issuer.IssueToken(t.Context(), passbearer.Claims{Subject: "u1", ClientID: "web", Scope: tt.scope})
		require.NoError(t, err)
		status, body := get(t, base+"/items/", token)
		require.Equal(t, tt.status, status)
		require.Equal(t, tt.body, body)
	}
}
