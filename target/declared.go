package target

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// metadataNames are the host names of clouds' metadata services. Their addresses
// are refused when a connection is made; the names are refused when they are
// declared.
var metadataNames = map[string]bool{
	"metadata": true, "metadata.google.internal": true, "metadata.goog": true, "instance-data": true, "instance-data.ec2.internal": true,
	"metadata.tencentyun.com": true, "metadata.platformequinix.com": true, "metadata.packet.net": true,
}

// CheckURL returns a *ParseError if the host of a URL is one that calls with the
// options never reach, as far as that can be told without resolving a name: an
// address in any form that resolvers take, a metadata service's name, or, with
// PublicOnly, this machine. A text that is no URL with a host is not refused here.
func CheckURL(text string, o Options) error {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return nil
	}
	if err := (guard{publicOnly: o.PublicOnly, allow: o.Allow}).checkHost(u.Hostname()); err != nil {
		fix := "the URL of a service"
		if (guard{}).checkHost(u.Hostname()) == nil {
			fix = "the URL of a public service, or start the node with --allow-private and its network"
		}
		return &ParseError{text, err.Error(), fix}
	}
	return nil
}

// checkHost fails if no connection to a host could be made: see CheckURL.
func (g guard) checkHost(host string) error {
	name := strings.ToLower(strings.TrimRight(host, "."))
	if metadataNames[name] {
		return fmt.Errorf("host %s is never called: it is that of a metadata service", name)
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return g.check(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	}
	if a, err := netip.ParseAddr(name); err == nil {
		return g.check(a)
	}
	if a, ok := oldAddress(name); ok {
		return g.check(a)
	}
	return nil
}

// oldAddress reads an IPv4 address as C's inet_aton does, which many resolvers use:
// one to four numbers, each decimal, octal behind 0 or hexadecimal behind 0x, of
// which the last one fills the bytes that are left.
func oldAddress(text string) (netip.Addr, bool) {
	parts := strings.Split(text, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	value := uint64(0)
	for i, part := range parts {
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (5 - len(parts))
		}
		n, ok := oldNumber(part, bits)
		if !ok {
			return netip.Addr{}, false
		}
		value = value<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), true
}

// oldNumber reads one number of such an address.
func oldNumber(text string, bits int) (uint64, bool) {
	base := 10
	if digits, ok := strings.CutPrefix(text, "0x"); ok {
		text, base = digits, 16
	} else if len(text) > 1 && text[0] == '0' {
		base = 8
	}
	n, err := strconv.ParseUint(text, base, bits)
	return n, err == nil
}
