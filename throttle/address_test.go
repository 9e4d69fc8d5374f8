package throttle_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/throttle"
)

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

var proxies = prefixes("10.0.0.0/8", "fd00::/8", "::ffff:172.16.0.0/108")

func newLimiter(t testing.TB, opts throttle.Options) *throttle.Limiter {
	t.Helper()
	l, err := throttle.New(&opts)
	require.NoError(t, err)
	return l
}

func requestFrom(remote string, headers ...string) *http.Request {
	r := httptest.NewRequest("POST", "/token", nil)
	r.RemoteAddr = remote
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func TestClientAddress(t *testing.T) {
	const xff, fwd = "X-Forwarded-For", "Forwarded"
	long := strings.Repeat("1.1.1.1, ", 500)
	for _, tt := range []struct {
		name, header, remote string
		headers              []string
		want                 string
	}{
		{"the peer", "", "203.0.113.7:1234", nil, "203.0.113.7"},
		{"IPv6", "", "[2001:db8::7]:1234", nil, "2001:db8::7"},
		{"IPv4 in IPv6", "", "[::ffff:203.0.113.7]:1234", nil, "203.0.113.7"},
		{"zone", "", "[fe80::1%eth0]:1234", nil, "fe80::1"},
		{"no port", "", "203.0.113.7", nil, "203.0.113.7"},
		{"Unix socket", "", "@", nil, "invalid IP"},
		{"Unix socket, behind a proxy", "", "@", []string{xff, "203.0.113.7"}, "203.0.113.7"},
		{"nothing", "", "", nil, "invalid IP"},

		{"a header of nobody we trust", "", "203.0.113.7:1", []string{xff, "1.1.1.1", fwd, "for=1.1.1.1", "X-Real-IP", "1.1.1.1"}, "203.0.113.7"},
		{"proxy", "", "10.0.0.1:1", []string{xff, "203.0.113.7"}, "203.0.113.7"},
		{"mapped proxy", "", "[::ffff:10.0.0.1]:1", []string{xff, "203.0.113.7"}, "203.0.113.7"},
		{"proxy listed as mapped", "", "172.16.0.1:1", []string{xff, "203.0.113.7"}, "203.0.113.7"},
		{"two proxies", "", "10.0.0.1:1", []string{xff, "203.0.113.7, 10.0.0.2"}, "203.0.113.7"},
		{"on two lines", "", "10.0.0.1:1", []string{xff, "1.1.1.1, 203.0.113.7", xff, "10.0.0.2"}, "203.0.113.7"},
		{"forged before it", "", "10.0.0.1:1", []string{xff, "1.1.1.1, 203.0.113.7"}, "203.0.113.7"},
		{"forged as a proxy", "", "10.0.0.1:1", []string{xff, "1.1.1.1, 10.0.0.9, 203.0.113.7, 10.0.0.2"}, "203.0.113.7"},
		{"all are proxies", "", "10.0.0.1:1", []string{xff, "10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"none", "", "10.0.0.1:1", nil, "10.0.0.1"},
		{"empty", "", "10.0.0.1:1", []string{xff, ""}, "10.0.0.1"},
		{"malformed", "", "10.0.0.1:1", []string{xff, "203.0.113.7, garbage"}, "10.0.0.1"},
		{"malformed behind a second proxy", "", "10.0.0.1:1", []string{xff, "203.0.113.7, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"malformed, and never reached", "", "10.0.0.1:1", []string{xff, "garbage,,%, 203.0.113.7"}, "203.0.113.7"},
		{"trailing comma", "", "10.0.0.1:1", []string{xff, "203.0.113.7,"}, "10.0.0.1"},
		{"with ports", "", "10.0.0.1:1", []string{xff, "203.0.113.7:4711"}, "203.0.113.7"},
		{"IPv6 with a port", "", "10.0.0.1:1", []string{xff, "[2001:db8::7]:4711"}, "2001:db8::7"},
		{"IPv6 in brackets", "", "10.0.0.1:1", []string{xff, "[2001:db8::7]"}, "2001:db8::7"},
		{"IPv6 with a zone", "", "[fd00::1%eth1]:1", []string{xff, "fe80::7%eth0"}, "fe80::7"},
		{"mapped in the header", "", "10.0.0.1:1", []string{xff, "::ffff:203.0.113.7"}, "203.0.113.7"},
		{"leading zeros", "", "10.0.0.1:1", []string{xff, "203.0.113.007"}, "10.0.0.1"},
		{"too long", "", "10.0.0.1:1", []string{xff, long + "203.0.113.7"}, "10.0.0.1"},
		{"too long on many lines", "", "10.0.0.1:1", []string{xff, long[:4000], xff, long[:4000]}, "10.0.0.1"},
		{"another header than the configured one", "", "10.0.0.1:1", []string{fwd, "for=1.1.1.1", "X-Real-IP", "1.1.1.1"}, "10.0.0.1"},
		{"X-Real-IP", "x-real-ip", "10.0.0.1:1", []string{xff, "1.1.1.1", "X-Real-IP", "203.0.113.7"}, "203.0.113.7"},

		{"Forwarded", fwd, "10.0.0.1:1", []string{fwd, "for=203.0.113.7", xff, "1.1.1.1"}, "203.0.113.7"},
		{"Forwarded, every parameter", fwd, "10.0.0.1:1", []string{fwd, `by=10.0.0.2; proto=https;For="203.0.113.7:99";host="a,b;c"`}, "203.0.113.7"},
		{"Forwarded, IPv6", fwd, "10.0.0.1:1", []string{fwd, `for=1.1.1.1, for="[2001:db8::7]:4711"`}, "2001:db8::7"},
		{"Forwarded, two proxies", fwd, "10.0.0.1:1", []string{fwd, `for=1.1.1.1, for=203.0.113.7`, fwd, `for=10.0.0.2`}, "203.0.113.7"},
		{"Forwarded, hidden", fwd, "10.0.0.1:1", []string{fwd, "for=_secret"}, "10.0.0.1"},
		{"Forwarded, unknown", fwd, "10.0.0.1:1", []string{fwd, "for=203.0.113.7, for=unknown"}, "10.0.0.1"},
		{"Forwarded without for", fwd, "10.0.0.1:1", []string{fwd, "for=1.1.1.1, proto=https"}, "10.0.0.1"},
		{"Forwarded, for twice", fwd, "10.0.0.1:1", []string{fwd, "for=1.1.1.1;for=203.0.113.7"}, "10.0.0.1"},
		{"Forwarded, a comma in quotes", fwd, "10.0.0.1:1", []string{fwd, `for=203.0.113.7;x="a, for=1.1.1.1\", for=2.2.2.2"`}, "203.0.113.7"},
		{"Forwarded, a quote that hides the proxy's", fwd, "10.0.0.1:1", []string{fwd, `for=1.1.1.1;x=", for=203.0.113.7`}, "10.0.0.1"},
		{"Forwarded, and on lines", fwd, "10.0.0.1:1", []string{fwd, `for=1.1.1.1;x="`, fwd, `for=203.0.113.7`}, "203.0.113.7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLimiter(t, throttle.Options{TrustedProxies: proxies, ProxyHeader: tt.header})
			require.Equal(t, tt.want, l.ClientAddress(requestFrom(tt.remote, tt.headers...)).String())
		})
	}
	none := newLimiter(t, throttle.Options{})
	require.Equal(t, "10.0.0.1", none.ClientAddress(requestFrom("10.0.0.1:1", xff, "1.1.1.1", fwd, "for=1.1.1.1")).String())
	require.False(t, none.ClientAddress(requestFrom("@", xff, "1.1.1.1")).IsValid())
}

// FuzzForwarded: whatever a client sends, it is counted at its own address, which the
// proxy appends, or at the proxy's.
func FuzzForwarded(f *testing.F) {
	const proxy, client = "10.0.0.1", "203.0.113.7"
	for _, sent := range []string{"", "1.1.1.1", "for=1.1.1.1", `for="`, `for=1.1.1.1;x="`, `for=1.1.1.1;x="\`, `x="a";for=1.1.1.1`, "10.0.0.9, 1.1.1.1", ";,;\"\\", "[::1", strings.Repeat(",", 5000)} {
		f.Add(sent, false)
		f.Add(sent, true)
	}
	xff := newLimiter(f, throttle.Options{TrustedProxies: proxies})
	forwarded := newLimiter(f, throttle.Options{TrustedProxies: proxies, ProxyHeader: "Forwarded"})
	f.Fuzz(func(t *testing.T, sent string, ownLine bool) {
		lines := func(header, added string) []string {
			if ownLine {
				return []string{header, sent, header, added}
			}
			return []string{header, sent + ", " + added}
		}
		got := xff.ClientAddress(requestFrom(proxy+":1", lines("X-Forwarded-For", client)...)).String()
		if len(sent) < 4000 {
			require.Equal(t, client, got)
		}
		require.Contains(t, []string{client, proxy}, got)
		for _, added := range []string{"for=" + client, `for="` + client + `:99";proto=https`, `by="[fd00::1]";for=` + client} {
			got := forwarded.ClientAddress(requestFrom(proxy+":1", lines("Forwarded", added)...)).String()
			require.Contains(t, []string{client, proxy}, got)
		}
	})
}
