package acceptance

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/function"
)

// A node that calls public targets alone takes a private one neither from its file
// nor over an API, unless its network is allowed.
func TestPrivateTargets(t *testing.T) {
	closed := func() bool { return true }
	const tail = "\nrules:\n  r: { pattern: { source: [s] }, targets: ["
	for name, text := range map[string]string{
		"webhook":         tail + "{ webhook: \"http://10.0.0.5/hook\" }] }\n",
		"nats":            tail + "{ nats: \"nats://10.0.0.5:4222/subject\" }] }\n",
		"api destination": "connections: { c: { basic: { username: u, password: \"${env:PW:-p}\" } } }\napi-destinations: { d: { connection: c, endpoint: \"http://10.0.0.5/\" } }\n",
		"token endpoint":  "connections: { c: { oauth: { token-url: \"http://10.0.0.5/\", client-id: i, client-secret: \"${env:PW:-p}\" } } }\n",
	} {
		file, err := config.Parse("f", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		for what, want := range map[string]struct {
			o    tablecast.Options
			good bool
		}{
			"open":    {tablecast.Options{}, true},
			"closed":  {tablecast.Options{PublicTargets: closed}, false},
			"allowed": {tablecast.Options{PublicTargets: closed, AllowPrivate: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, true},
		} {
			want.o.Config, want.o.FS = file, vfs.NewMem()
			node, err := tablecast.Open("data", want.o)
			if err == nil {
				err = node.Close()
			}
			if (err == nil) != want.good || err != nil && !strings.Contains(err.Error(), "--allow-private") {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
	node := runNode(t, tablecast.Options{PublicTargets: closed})
	if err := node.Buses().PutRule(bus.Rule{Bus: bus.Default, Name: "r", Pattern: `{"source":["s"]}`}); err != nil {
		t.Fatal(err)
	}
	err := node.Buses().PutTargets(bus.Default, "r", []bus.Target{{ID: "t", ARN: "http://127.0.0.1:1/"}})
	if err == nil || !strings.Contains(err.Error(), "is private") {
		t.Errorf("a target of the API: %v", err)
	}
	if err := node.Buses().PutTargets(bus.Default, "r", []bus.Target{{ID: "t", ARN: "log:l"}, {ID: "u", ARN: "https://example.com/"}}); err != nil {
		t.Error(err)
	}
	if _, err := node.Functions().Create(function.Function{Name: "f", Code: function.Code{Dir: t.TempDir()}}); err != nil {
		t.Fatal(err)
	}
	_, err = node.Functions().SetEvents("f", func(e *function.EventConfig) *function.EventConfig { e.OnFailure = "http://127.0.0.1:1/"; return e })
	if err == nil {
		t.Error("a private destination of a function was taken")
	}
}

// The file names the place of an address that no node calls.
func TestMetadataInTheFile(t *testing.T) {
	for text, want := range map[string]string{
		"rules: { r: { pattern: { source: [s] }, targets: [{ webhook: \"http://metadata.google.internal/\" }] } }\n":                                                              "f:1:62: ",
		"connections:\n  c: { oauth: { token-url: \"http://2852039166/\", client-id: i, client-secret: \"${env:PW:-p}\" } }\n":                                                    "f:2:28: ",
		"connections: { c: { basic: { username: u, password: \"${env:PW:-p}\" } } }\napi-destinations:\n  d: { connection: c, endpoint: \"http://[::ffff:169.254.169.254]/\" }\n": "f:3:33: ",
	} {
		_, err := config.Parse("f", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "is never called") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
