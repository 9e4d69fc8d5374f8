package badinputs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
)

// elsewhere are the rows that other tests hold, by directory and name.
var elsewhere = map[string][]string{
	"RT-032": {".TestPasswordChangeRacesRefresh", "pgstore.TestRaces", "sqlitestore.TestRaces"},
	"PH-057": {"password.TestVectors"},
	"CF-001": {"pgstore.TestCrash", "redisstore.TestCrash", "sqlitestore.TestCrash"},
	"CF-002": {"pgstore.TestCrash", "redisstore.TestCrash", "sqlitestore.TestCrash"},
	"CF-003": {"pgstore.TestCrash", "redisstore.TestCrash", "sqlitestore.TestCrash"},
	"CF-004": {"pgstore.TestCrash", "redisstore.TestCrash", "sqlitestore.TestCrash"},
	"CF-012": {".TestSlowDatabase", "pgstore.TestHangingServer", "sqlitestore.TestWaiting"},
	"CF-013": {"pgstore.TestSerializationFailures", "pgstore.TestRetriesEnd", "sqlitestore.TestWaiting"},
	"CF-014": {"sqlitestore.TestFullDisk"},
	"CF-015": {"pgstore.TestSynchronousFailover"},
	"CF-016": {"pgstore.TestFailover", "pgstore.TestWhatAFailoverLoses", "redisstore.TestFailover"},
	"CF-025": {"internal/faults.TestFullQueue"},
	"CF-041": {"memstore.TestBadInputs", "pgstore.TestBadInputs", "redisstore.TestBadInputs", "sqlitestore.TestBadInputs"}, // -badinputs.soak
	"CF-042": {"pgstore.TestPurge", "pgstore.BenchmarkMillion", "sqlitestore.TestSweepBatches"},
	"CF-043": {".FuzzBearerToken", ".FuzzPasswordForm", ".FuzzRefreshToken", "jwttoken.FuzzVerifyToken", "password.FuzzParse"},
}

func TestCatalogue(t *testing.T) {
	list, err := rows(catalogue)
	require.NoError(t, err)
	for _, r := range list {
		require.True(t, slices.ContainsFunc(groups, func(g struct {
			name  string
			cases cases
		}) bool {
			return g.name == r.group
		}), r.id)
		require.Contains(t, []string{"bad", "behave", "control", "config", "fault"}, r.kind, r.id)
		require.Contains(t, []string{"resource", "token", "hash-api", "system"}, r.target, r.id)
		for _, cell := range []string{r.input, r.status, r.code, r.holds, r.source} {
			require.NotEmpty(t, strings.TrimSpace(cell), r.id)
		}
	}
	for _, bad := range []string{"one cell", strings.Repeat("x\t", 9) + "x\n" + strings.Repeat("x\t", 9) + "x"} {
		_, err := rows(bad)
		require.Error(t, err)
	}
}

// TestEveryRowIsPlayed, or held elsewhere, and no play is without a row.
func TestEveryRowIsPlayed(t *testing.T) {
	byGroup := map[string]map[string]bool{}
	for _, r := range mustRows() {
		if elsewhere[r.id] == nil {
			if byGroup[r.group] == nil {
				byGroup[r.group] = map[string]bool{}
			}
			byGroup[r.group][r.id] = true
		}
	}
	for _, g := range groups {
		require.Equal(t, slices.Sorted(maps.Keys(byGroup[g.name])), slices.Sorted(maps.Keys(g.cases)), g.name)
	}
	ids := map[string]bool{}
	for _, r := range mustRows() {
		ids[r.id] = true
	}
	for id := range elsewhere {
		require.True(t, ids[id], id)
	}
}

func TestEveryConditionIsKnown(t *testing.T) {
	used := map[string]bool{}
	for _, r := range mustRows() {
		for _, condition := range r.conditions() {
			used[condition] = true
		}
	}
	for _, known := range []map[string]bool{remarks, keysOf(conditions)} {
		for condition := range known {
			require.True(t, used[condition], "no row has the condition %q", condition)
		}
	}
}

func keysOf[V any](m map[string]V) map[string]bool {
	keys := map[string]bool{}
	for key := range m {
		keys[key] = true
	}
	return keys
}

// TestElsewhereExists: a test that is renamed or removed would leave its rows to
// nobody.
func TestElsewhereExists(t *testing.T) {
	declared := map[string]map[string]bool{}
	for id, tests := range elsewhere {
		for _, name := range tests {
			dir, function, ok := strings.Cut(name, ".")
			require.True(t, ok, name)
			if declared[dir] == nil {
				declared[dir] = functions(t, dir, "*_test.go")
			}
			require.True(t, declared[dir][function], "%s: there is no test %s", id, name)
		}
	}
}

func functions(t *testing.T, dir, pattern string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", dir, pattern))
	require.NoError(t, err)
	names := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range parsed.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}

// alterations are servers that are wrong, and the rows that must notice it.
var alterations = []struct {
	name    string
	alter   alter
	notices func(r row) bool
}{
	{"everything is accepted", accepting, func(r row) bool { return r.kind == kindBad }},
	{"everything is refused", refusing, func(r row) bool { return r.kind == kindControl }},
	{"everything breaks", breaking, func(r row) bool { return r.status != "-" }},
	{"what was sent is repeated", repeating, always},
	{"what was sent is logged", logging, always},
	{"challenges and Cache-Control are left out", stripping, always},
	{"the handler is called once more", calling, func(r row) bool {
		return r.kind == kindBad || r.kind == kindControl && r.target == "resource"
	}},
	{"everything is somebody else's", swapping, func(r row) bool { return r.kind == kindControl }},
}

func always(row) bool { return true }

// TestWrongServersAreNoticed: a row that a wrong server could pass tests nothing.
func TestWrongServersAreNoticed(t *testing.T) {
	for _, a := range alterations {
		t.Run(a.name, func(t *testing.T) {
			noticed := 0
			for _, g := range groups {
				store := memstore.New()
				s := newServer(t, Stores{Users: store, Sessions: store, Clients: store}, a.alter)
				for _, r := range mustRows() {
					play := g.cases[r.id]
					if play == nil || !a.notices(r) {
						continue
					}
					c := s.play(t.Context(), r, play)
					switch altered := s.effects.Swap(0) > 0; {
					case !altered:
					case len(c.problems) == 0:
						t.Errorf("%s has not noticed", r.id)
					case strings.HasPrefix(c.problems[0], noStage):
						t.Errorf("%s has noticed by chance: %s", r.id, c.problems[0])
					default:
						noticed++
					}
				}
			}
			require.Greater(t, noticed, 20)
			t.Logf("noticed by %d rows", noticed)
		})
	}
}

func accepting(s *server, w http.ResponseWriter, r *http.Request) {
	s.effects.Add(1)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprintln(w, `{"access_token":"x","token_type":"bearer"}`)
}

func refusing(s *server, w http.ResponseWriter, r *http.Request) {
	s.effects.Add(1)
	passbearer.DenyTokenRequest(w, r, passbearer.ErrNoCredentials)
}

func breaking(s *server, w http.ResponseWriter, r *http.Request) {
	s.effects.Add(1)
	http.Error(w, "sorry", http.StatusInternalServerError)
}

// behind lets the server answer, and changes the answer.
func behind(s *server, w http.ResponseWriter, r *http.Request, change func(*httptest.ResponseRecorder)) {
	answer := httptest.NewRecorder()
	s.mux.ServeHTTP(answer, r)
	change(answer)
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
}

// sent is what is known of a request; its body may have no end, or no beginning.
func sent(r *http.Request) string {
	var body []byte
	if r.Header.Get("Expect") == "" {
		body, _ = io.ReadAll(io.LimitReader(r.Body, 1<<20))
	}
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(string(body)), r.Body))
	return r.RequestURI + " " + strings.Join(slices.Concat(slices.Collect(maps.Values(r.Header))...), " ") + " " + string(body)
}

func repeating(s *server, w http.ResponseWriter, r *http.Request) {
	text := s.says(r)
	behind(s, w, r, func(answer *httptest.ResponseRecorder) { answer.Body.WriteString(text) })
}

func logging(s *server, w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(&s.book.text, "time=now %q\n", s.says(r))
	s.mux.ServeHTTP(w, r)
}

// says is what an alteration tells of a request, if it is anything that must not be
// told.
func (s *server) says(r *http.Request) string {
	text := sent(r)
	if r.Method == http.MethodHead || len(words(text)) == 0 {
		return ""
	}
	s.effects.Add(1)
	return text
}

func stripping(s *server, w http.ResponseWriter, r *http.Request) {
	behind(s, w, r, func(answer *httptest.ResponseRecorder) {
		if answer.Code >= 400 && answer.Header().Get("Cache-Control") != "" {
			s.effects.Add(1)
		}
		answer.Header().Del("Www-Authenticate")
		answer.Header().Del("Cache-Control")
	})
}

func calling(s *server, w http.ResponseWriter, r *http.Request) {
	behind(s, w, r, func(*httptest.ResponseRecorder) {
		s.effects.Add(1)
		s.book.called(call{})
	})
}

// swapping answers with what belongs to another user.
func swapping(s *server, w http.ResponseWriter, r *http.Request) {
	behind(s, w, r, func(answer *httptest.ResponseRecorder) {
		claims := passbearer.Claims{Subject: "somebody else", ID: "another"}
		s.effects.Add(int64(s.book.swap(claims)))
		if a, ok := readAnswer(answer.Body.String()); ok && a.Access != "" {
			s.effects.Add(1)
			token := must(s.tokens.IssueToken(r.Context(), claims))
			text := strings.Replace(answer.Body.String(), a.Access, token, 1)
			answer.Body.Reset()
			answer.Body.WriteString(text)
		}
	})
}

func (b *book) swap(claims passbearer.Claims) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.calls {
		b.calls[i].claims = claims
	}
	return len(b.calls)
}
