package rest

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Loopback reports whether a host names this machine to itself alone.
func Loopback(host string) bool {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// address is where a request comes from: the peer, or, if that is a proxy that is
// trusted, the last one before those that are.
func (s *Server) address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	proxies := s.cfg.Authority.TrustedProxies()
	trusted := func(name string) bool {
		a, err := netip.ParseAddr(name)
		return err == nil && slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
	}
	if !trusted(host) {
		return canonical(host)
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		if h, _, err := net.SplitHostPort(hop); err == nil {
			hop = h
		}
		if _, err := netip.ParseAddr(strings.Trim(hop, "[]")); err != nil {
			break // it says nothing: the hop that told it is what is known
		}
		if host = strings.Trim(hop, "[]"); !trusted(host) {
			break
		}
	}
	return canonical(host)
}

// canonical is one spelling of an address; of IPv6 the network, since one host has all of
// it to choose from.
func canonical(host string) string {
	a, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
