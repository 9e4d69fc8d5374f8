package passbearer_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http/httptest"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
)

// piece is how many bytes of a secret in a row are a leak of it.
const piece = 12

// canaries are secrets that are looked for, by name.
type canaries struct {
	t     testing.TB
	mu    sync.Mutex
	marks map[string]bool
	sinks map[string]*bytes.Buffer // what was printed, by where
	index map[uint64][]needle      // by the first 8 bytes
}

// needle is how a piece of a secret may be spelled.
type needle struct{ text, of string }

func newCanaries(t testing.TB) *canaries {
	return &canaries{t: t, marks: map[string]bool{}, sinks: map[string]*bytes.Buffer{}, index: map[uint64][]needle{}}
}

// mark makes a secret of letters and digits, which no encoding of forms, JSON or
// logs changes. (As a name it is canonical.)
func (c *canaries) mark(name string) string {
	return c.add(name, strings.ToLower(rand.Text()+rand.Text()))
}

// add also looks for a secret that was made elsewhere.
func (c *canaries) add(name, secret string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	require.GreaterOrEqual(c.t, len(secret), piece, name)
	c.marks[name] = true
	for i := 0; i+piece <= len(secret); i += piece {
		for _, text := range spellingsOf([]byte(secret[i : i+piece])) {
			if len(text) < 8 { // only wholeRunes leaves so few
				continue
			}
			head := binary.LittleEndian.Uint64([]byte(text))
			c.index[head] = append(c.index[head], needle{text, name})
		}
	}
	return secret
}

// sink is where something is printed. It is safe for concurrent use.
func (c *canaries) sink(name string) sink { return sink{c, name} }

type sink struct {
	c    *canaries
	name string
}

func (s sink) Write(p []byte) (int, error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.c.sinks[s.name] == nil {
		s.c.sinks[s.name] = new(bytes.Buffer)
	}
	return s.c.sinks[s.name].Write(p)
}

var verbs = []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"}

// print prints v in every way that there is, and what it wraps.
func (c *canaries) print(where string, v any) {
	for _, verb := range verbs {
		fmt.Fprintf(c.sink(where+" "+verb), verb+"\n", v)
	}
	for _, l := range c.loggers(where) {
		l.Error("printed", "v", v)
	}
	switch e := v.(type) {
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			c.print(where+", unwrapped", inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			c.print(where+", unwrapped", inner)
		}
	}
}

func (c *canaries) loggers(where string) []*slog.Logger {
	opts := &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}
	return []*slog.Logger{
		slog.New(slog.NewTextHandler(c.sink(where+", slog text"), opts)),
		slog.New(slog.NewJSONHandler(c.sink(where+", slog JSON"), opts)),
	}
}

// Event makes c an Observer.
func (c *canaries) Event(ctx context.Context, e passbearer.Event) {
	c.print("event", e)
	if e.Err != nil {
		c.print("event's error", e.Err)
	}
	for _, l := range c.loggers("LogObserver") {
		passbearer.LogObserver(l).Event(ctx, e)
	}
}

// found says what was found where, and forgets what was printed.
func (c *canaries) found() (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for where, out := range c.sinks {
		text := out.Bytes()
		for i := range max(0, len(text)-7) {
			for _, n := range c.index[binary.LittleEndian.Uint64(text[i:])] {
				if bytes.HasPrefix(text[i:], []byte(n.text)) {
					all = append(all, fmt.Sprintf("%s in %s, as %s", n.of, where, n.text))
				}
			}
		}
	}
	c.sinks = map[string]*bytes.Buffer{}
	slices.Sort(all)
	return all
}

// spellingsOf are the ways in which bytes are printed: as they are, quoted, in
// hexadecimal, in base64 wherever it began, escaped, as fmt prints a []byte and as
// a stack trace prints an array.
func spellingsOf(b []byte) []string {
	all := []string{string(b), hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)),
		strings.Trim(fmt.Sprintf("%d", b), "[]"), strings.Trim(fmt.Sprintf("%#v", b[:8]), "[]byte{}"),
		strings.Trim(fmt.Sprintf("%q", wholeRunes(b)), `"`)}
	var escaped, spaced strings.Builder
	for _, x := range b {
		fmt.Fprintf(&escaped, "%%%02X", x)
		fmt.Fprintf(&spaced, "%02x ", x)
	}
	all = append(all, escaped.String(), strings.TrimSpace(spaced.String()))
	for shift := range 3 {
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := enc.EncodeToString(append(make([]byte, shift), b...))
			all = append(all, text[(shift*8+5)/6:len(b)*8/6])
		}
	}
	return all
}

// wholeRunes leaves out the bytes at both ends of b that may be a part of a rune,
// whose quoted form depends on b's neighbours.
func wholeRunes(b []byte) []byte {
	for range utf8.UTFMax - 1 {
		if !utf8.RuneStart(b[0]) {
			b = b[1:]
		}
	}
	for i := range utf8.UTFMax - 1 {
		if tail := b[len(b)-1-i:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				b = b[:len(b)-1-i]
			}
			break
		}
	}
	return b
}

// answer prints what a client sees; without is what it is meant to see.
func (c *canaries) answer(w *httptest.ResponseRecorder, without ...string) {
	text := fmt.Sprintf("%d %v\n%s", w.Code, w.Header(), w.Body)
	for _, s := range without {
		text = strings.ReplaceAll(text, s, "…")
	}
	fmt.Fprint(c.sink("answer"), text)
}

// TestCanariesAreFound: whatever way a secret takes, it is seen.
func TestCanariesAreFound(t *testing.T) {
	c := newCanaries(t)
	secret := c.mark("password")
	raw := make([]byte, 16)
	rand.Read(raw)
	c.add("raw", string(raw))
	for name, leak := range map[string]func(){
		"log": func() {
			c.Event(t.Context(), passbearer.Event{Kind: passbearer.EventPanic, Err: errors.New("x" + secret)})
		},
		"error":         func() { c.print("error", fmt.Errorf("no row for %q", secret)) },
		"wrapped error": func() { c.print("error", &passbearer.Error{Cause: errors.New(secret)}) },
		"event":         func() { c.Event(t.Context(), passbearer.Event{UserID: secret}) },
		"answer":        func() { c.answer(&httptest.ResponseRecorder{Body: bytes.NewBufferString(secret)}) },
		"header": func() {
			w := httptest.NewRecorder()
			w.Header().Set("X", secret)
			c.answer(w)
		},
		"a half of it":      func() { c.print("x", secret[:26]) },
		"hexadecimal":       func() { fmt.Fprintf(c.sink("x"), "%x", "xyz"+secret) },
		"bytes":             func() { fmt.Fprint(c.sink("x"), []byte("x"+secret)) },
		"base64 at 0":       func() { fmt.Fprint(c.sink("x"), base64.StdEncoding.EncodeToString([]byte(secret))) },
		"base64 at 1":       func() { fmt.Fprint(c.sink("x"), base64.StdEncoding.EncodeToString([]byte("a"+secret+"b"))) },
		"base64url at 2":    func() { fmt.Fprint(c.sink("x"), base64.URLEncoding.EncodeToString([]byte("ab"+secret))) },
		"raw, quoted":       func() { fmt.Fprintf(c.sink("x"), "%q", raw) },
		"raw, array":        func() { fmt.Fprintf(c.sink("x"), "%#v", [16]byte(raw)) },
		"raw, spaced":       func() { fmt.Fprintf(c.sink("x"), "% x", raw) },
		"argument in trace": func() { defer func() { recover(); c.sink("x").Write(debug.Stack()) }(); panicWith(t, [16]byte(raw)) },
	} {
		leak()
		require.NotEmpty(t, c.found(), name)
		require.Empty(t, c.found(), "forgotten")
	}
	c.print("x", errors.New("nothing of interest"))
	c.print("x", secret[:piece-1])
	require.Empty(t, c.found())
}

// TestCutRunesAreFound: a secret is cut into pieces wherever a rune may be.
func TestCutRunesAreFound(t *testing.T) {
	for _, r := range []string{"\u0085", "\u200b", "\U000e0001"} {
		for at := range piece + 1 {
			secret := []byte("0123456789abcdef"[:at] + r + "0123456789abcdef"[at:])
			c := newCanaries(t)
			c.add("secret", string(secret[:piece+1]))
			c.add("from amid a rune", string(secret[1:]))
			fmt.Fprintf(c.sink("x"), "%q", secret)
			found := strings.Join(c.found(), "\n")
			require.Contains(t, found, "secret in x", "%s at %d", r, at)
			require.Contains(t, found, "from amid a rune in x", "%s at %d", r, at)
		}
	}
}

//go:noinline
func panicWith(t *testing.T, secret [16]byte) {
	if t != nil {
		panic(t.Name())
	}
	fmt.Println(secret)
}

// basicOf is how a client sends its secret.
func basicOf(id, secret string) string {
	return basic(url.QueryEscape(id) + ":" + url.QueryEscape(secret))
}

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
