package awsjson

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// hostSet returns the names in lower case.
func hostSet(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[strings.ToLower(name)] = true
	}
	return set
}

// guard refuses requests that a web browser was tricked into: those to a host
// name that is not ours, which resolved to our address (DNS rebinding), and
// those that a page of another origin sent, unless the origin is allowed.
func (s *server) guard(w http.ResponseWriter, r *http.Request) error {
	if !s.knownHost(r) {
		return &Error{Type: accessDenied, Status: http.StatusForbidden,
			Message: "Host " + r.Host + " is not served here; add it to the allowed hosts if it should be."}
	}
	if s.allowOrigin(w, r) {
		return nil
	}
	if site := r.Header["Sec-Fetch-Site"]; len(site) > 0 && (len(site) > 1 || site[0] != "same-origin" && site[0] != "none") {
		return errCrossSite(r)
	}
	if origin := r.Header["Origin"]; len(origin) > 0 && (len(origin) > 1 || !sameOrigin(origin[0], r.Host)) {
		return errCrossSite(r)
	}
	return nil
}

func sameOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}

// knownHost reports whether a request names us in its Host.
func (s *server) knownHost(r *http.Request) bool {
	name := strings.ToLower(hostName(r.Host))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") || s.hosts[name] {
		return true
	}
	ip, err := netip.ParseAddr(name)
	if err != nil {
		return false
	}
	return ip.IsLoopback() || ip.Unmap() == localAddr(r)
}

// hostName cuts the port off, and the brackets of an IPv6 address.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// localAddr returns the address that a request arrived at.
func localAddr(r *http.Request) netip.Addr {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return addr.AddrPort().Addr().Unmap()
}
