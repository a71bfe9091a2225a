package target

import (
	"net/http"
	"net/netip"
	"testing"
)

func always() bool { return true }

func TestGuard(t *testing.T) {
	for _, c := range []struct {
		addr         string
		open, public bool
	}{
		{"127.0.0.1", true, false}, {"::1", true, false}, {"10.1.2.3", true, false}, {"172.31.0.1", true, false},
		{"192.168.1.1", true, false}, {"100.64.0.1", true, false}, {"198.18.0.1", true, false}, {"fd12::1", true, false},
		{"::ffff:127.0.0.1", true, false}, {"64:ff9b::a00:1", true, false}, {"2002:a00:1::", true, false},
		{"8.8.8.8", true, true}, {"2606:4700::1111", true, true}, {"64:ff9b::808:808", true, true},
		{"169.254.169.254", false, false}, {"::ffff:169.254.169.254", false, false}, {"64:ff9b::a9fe:a9fe", false, false},
		{"2002:a9fe:a9fe::1", false, false}, {"2001:0:1:2:3:4:5601:5601", false, false}, {"::a9fe:a9fe", false, false},
		{"fe80::1", false, false}, {"fe80::1%eth0", false, false}, {"fd00:ec2::254", false, false}, {"100.100.100.200", false, false},
		{"168.63.129.16", false, false}, {"0.0.0.0", false, false}, {"::", false, false}, {"224.0.0.1", false, false},
		{"255.255.255.255", false, false}, {"ff02::1", false, false},
	} {
		a := netip.MustParseAddr(c.addr)
		if err := (guard{}).check(a); (err == nil) != c.open {
			t.Errorf("%s: %v", c.addr, err)
		}
		if err := (guard{publicOnly: always}).check(a); (err == nil) != c.public {
			t.Errorf("%s, public only: %v", c.addr, err)
		}
		g := guard{publicOnly: always, allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}
		if err := g.check(a); (err == nil) != c.open {
			t.Errorf("%s, all allowed: %v", c.addr, err)
		}
	}
	if err := (guard{}).control("tcp", "169.254.169.254:80", nil); err == nil {
		t.Error("control lets the metadata address pass")
	}
	if w := newWebhook("http://x", Options{}); w.client.Transport.(*http.Transport).Proxy != nil {
		t.Error("the webhook obeys a proxy")
	}
}
