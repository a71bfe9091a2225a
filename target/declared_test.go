package target_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/target"
)

func always() bool { return true }

// What no call reaches is refused when it is declared, however it is written.
func TestCheckURL(t *testing.T) {
	const never, private, good = "is never called", "is private", ""
	for text, want := range map[string]string{
		"http://169.254.169.254/latest":         never,
		"http://[::ffff:169.254.169.254]/":      never,
		"http://[fe80::1%25eth0]/":              never,
		"http://[fd00:ec2::254]/":               never,
		"http://0.0.0.0:80/":                    never,
		"http://2852039166/":                    never,
		"http://0xA9FEA9FE/":                    never,
		"http://025177524776/":                  never,
		"http://0251.0376.0251.0376/":           never,
		"http://169.0xfe.43518/":                never,
		"http://169.16689662:8080/":             never,
		"http://169.254.169.254./":              never,
		"http://0/":                             never,
		"http://metadata.google.internal/x":     never,
		"https://METADATA.Google.Internal./x":   never,
		"nats://169.254.169.254:4222/subject":   never,
		"http://127.0.0.1:9000/":                private,
		"http://127.1/":                         private,
		"http://2130706433/":                    private,
		"http://localhost:9000/":                private,
		"http://api.LocalHost./":                private,
		"http://10.1.2.3/":                      private,
		"http://[::1]/":                         private,
		"http://192.168.257/":                   private,
		"http://8.8.8.8/":                       good,
		"http://example.com/169.254.169.254":    good,
		"http://1.2.3.4.5/":                     good,
		"http://4294967296/":                    good,
		"http://256.1.1.1/":                     good,
		"http://metadata.example.com/":          good,
		"log:name":                              good,
		`command:["curl","169.254.169.254"]`:    good,
		"arn:aws:sqs:us-east-1:000000000000:q1": good,
	} {
		open, closed := target.CheckURL(text, target.Options{}), target.CheckURL(text, target.Options{PublicOnly: always})
		if want == never {
			closed = nil // the same
		}
		for _, c := range []struct {
			err  error
			bad  bool
			what string
		}{{open, want == never, "open"}, {closed, want == private, "closed"}} {
			var e *target.ParseError
			if errors.As(c.err, &e) != c.bad || c.bad && !strings.Contains(e.Msg, want) {
				t.Errorf("%s, %s: %v, want %q", text, c.what, c.err, want)
			}
		}
	}
	allow := target.Options{PublicOnly: always, Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16")}}
	for text, good := range map[string]bool{"http://10.1.2.3/": true, "http://192.168.0.1/": false, "http://169.254.169.254/": false} {
		if err := target.CheckURL(text, allow); (err == nil) != good {
			t.Errorf("%s with networks allowed: %v", text, err)
		}
	}
}

// An ARN's region becomes part of a host name, and no more than that.
func TestRegionsOfAWS(t *testing.T) {
	o := target.Options{AWS: &target.AWS{}}
	for _, arn := range []string{"arn:aws:sns:x.example.com/:000000000000:t", "arn:aws:sqs:..:000000000000:q", "arn:aws:kinesis:us-east-1@evil:000000000000:stream/s"} {
		if _, err := target.Open(arn, o); err == nil {
			t.Errorf("%s was opened", arn)
		}
	}
}
