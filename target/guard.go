package target

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// A guard decides which addresses a webhook may connect to.
type guard struct {
	publicOnly func() bool // nil for never
	allow      []netip.Prefix
}

// blockedNetworks are never called: networks that hold no service an event could
// be meant for, by the IANA special-purpose registries, and clouds' metadata
// services.
var blockedNetworks = prefixes(
	"0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"100.100.100.200/32", "168.63.129.16/32", // metadata and host services of two clouds
	"::/128", "fe80::/10", "ff00::/8", "fd00:ec2::/32",
)

// privateNetworks are those of the own machine or organisation.
var privateNetworks = prefixes(
	"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15",
	"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",
	"::1/128", "fc00::/7", "fec0::/10", "2001:db8::/32", "100::/64",
)

// embedsIPv4 are networks whose addresses contain an IPv4 address, and the byte at
// which it starts.
var embedsIPv4 = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, // NAT64
	{netip.MustParsePrefix("2002::/16"), 2},     // 6to4
	{netip.MustParsePrefix("::/96"), 12},        // IPv4-compatible
}

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// check fails if a webhook may not connect to a.
func (g guard) check(a netip.Addr) error {
	a = a.Unmap().WithZone("")
	if contains(blockedNetworks, a) {
		return fmt.Errorf("address %s is never called: link-local, metadata or reserved", a)
	}
	if g.publicOnly != nil && g.publicOnly() && contains(privateNetworks, a) && !contains(g.allow, a) {
		return fmt.Errorf("address %s is private", a)
	}
	if a.IsLoopback() || a.Is4() {
		return nil
	}
	if v4, ok := embedded(a); ok {
		return g.check(v4)
	}
	return nil
}

// embedded returns the IPv4 address that an IPv6 address contains.
func embedded(a netip.Addr) (netip.Addr, bool) {
	b := a.As16()
	if contains(prefixes("2001::/32"), a) { // Teredo: the client's address, inverted
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}), true
	}
	for _, e := range embedsIPv4 {
		if e.prefix.Contains(a) {
			return netip.AddrFrom4([4]byte(b[e.at : e.at+4])), true
		}
	}
	return netip.Addr{}, false
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

// control is a net.Dialer's Control: address is resolved, the socket is not
// yet connected.
func (g guard) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return &blockedError{fmt.Errorf("address %q: %w", address, err)}
	}
	if err := g.check(ap.Addr()); err != nil {
		return &blockedError{err}
	}
	return nil
}

// A blockedError is a connection that the guard refused.
type blockedError struct{ err error }

func (e *blockedError) Error() string { return e.err.Error() }
func (e *blockedError) Unwrap() error { return e.err }
