package throttle

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxForwarded bounds what is read of the proxies' header, in bytes.
const maxForwarded = 4 << 10

// ClientAddress returns the address that an attempt counts for: the peer's, or
// what a trusted proxy says. IPv4 mapped to IPv6 is IPv4, and there is no zone.
// From the peer it goes back hop by hop, until it is at one that is not trusted. A
// hop that is malformed, missing or not an address leaves it at the proxy that said
// so, and so does a header over 4 KiB: whoever sends such a thing is counted
// together with nobody but their like.
//
// The zero Addr is a peer that has no address, as on a Unix socket. Where
// [Options.TrustedProxies] are set it is trusted.
func (l *Limiter) ClientAddress(r *http.Request) netip.Addr {
	at, _ := parseHop(r.RemoteAddr)
	if !l.trusts(at) {
		return at
	}
	hops := l.hops(r)
	for i := len(hops) - 1; i >= 0 && l.trusts(at); i-- {
		hop, ok := parseHop(hops[i])
		if !ok {
			break
		}
		at = hop
	}
	return at
}

func (l *Limiter) trusts(a netip.Addr) bool {
	if !a.IsValid() {
		return len(l.opts.TrustedProxies) > 0
	}
	return slices.ContainsFunc(l.opts.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// hops are as the header has them, the nearest one last.
func (l *Limiter) hops(r *http.Request) (hops []string) {
	size := 0
	for _, line := range r.Header.Values(l.opts.ProxyHeader) {
		if size += len(line); size > maxForwarded {
			return nil
		}
		if !strings.EqualFold(l.opts.ProxyHeader, "Forwarded") {
			hops = append(hops, strings.Split(line, ",")...)
			continue
		}
		for _, element := range splitQuoted(line, ',') {
			hops = append(hops, forwardedFor(element))
		}
	}
	return hops
}

// forwardedFor returns the parameter for of an element of the header Forwarded
// (RFC 7239 §4), or the empty string.
func forwardedFor(element string) string {
	found := ""
	for _, pair := range splitQuoted(element, ';') {
		name, value, ok := strings.Cut(pair, "=")
		if ok && strings.EqualFold(strings.TrimSpace(name), "for") {
			if found != "" { // twice: one of them is not the proxy's
				return ""
			}
			found = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return found
}

// splitQuoted splits at sep, but not within a quoted string. One that does not end
// makes it all one part that is no address: its quote may be a client's, to hide
// what the proxy has appended.
func splitQuoted(s string, sep byte) (parts []string) {
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case !quoted && s[i] == sep:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	if quoted {
		return []string{""}
	}
	return append(parts, s[start:])
}

// parseHop reads an address with or without a port.
func parseHop(s string) (netip.Addr, bool) {
	s = strings.Trim(s, " \t")
	if at, err := netip.ParseAddrPort(s); err == nil {
		return at.Addr().Unmap().WithZone(""), true
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		s = strings.TrimSuffix(inner, "]")
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap().WithZone(""), err == nil
}

// network returns the IPv4 /24 or the IPv6 /64 of a.
func network(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, _ := a.Prefix(bits) // of the zero Addr it is the zero Prefix
	return p
}

// checkProxies returns the prefixes as addresses are compared with them.
func checkProxies(prefixes []netip.Prefix) ([]netip.Prefix, error) {
	var checked []netip.Prefix
	for _, p := range prefixes {
		if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
		}
		switch {
		case !p.IsValid() || p.Addr().Zone() != "":
			return nil, errors.New("throttle: Options.TrustedProxies has a prefix that is not valid: netip.ParsePrefix makes them")
		case p.Bits() == 0:
			return nil, errors.New("throttle: Options.TrustedProxies trusts every address, so that everybody could make up their own: list the proxies' networks")
		}
		checked = append(checked, p)
	}
	return checked, nil
}
