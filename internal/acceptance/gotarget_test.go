package acceptance

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/target"
)

const goTargetFile = `
rules: { r: { pattern: { source: [shop] }, targets: [ { go: mailer, retry: { attempts: 2 } } ] } }
`

func goTargetConfig(t *testing.T) *config.File {
	t.Helper()
	f, err := config.Parse("tablecast.yaml", []byte(goTargetFile))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A file that names a target in Go which the program has not given is refused at
// once, by name.
func TestMissingTargetInGo(t *testing.T) {
	for _, targets := range []map[string]target.Target{nil, {"other": target.Func(nil)}} {
		node, err := tablecast.Open("data", tablecast.Options{FS: vfs.NewMem(), Config: goTargetConfig(t), Targets: targets})
		if err == nil {
			t.Fatal("opened", node.Close())
		}
		if !strings.Contains(err.Error(), "rule r") || !strings.Contains(err.Error(), "mailer") {
			t.Errorf("error %v", err)
		}
	}
}

// A target in Go is delivered to as any other: what fails is retried, a panic
// too, and what is refused becomes a dead letter.
func TestTargetInGo(t *testing.T) {
	got := make(chan string, 10)
	mailer := target.Func(func(_ context.Context, d *target.Delivery) (target.Response, error) {
		got <- d.Event.DetailType
		switch {
		case d.Event.DetailType == "Refused":
			return target.Response{}, &target.Error{Code: target.CodeClientError, Msg: "not a customer", Permanent: true}
		case d.Attempt == 1:
			panic("at first")
		}
		return target.Response{Status: "mailed"}, nil
	})
	node, err := tablecast.Open("data", tablecast.Options{FS: vfs.NewMem(), Config: goTargetConfig(t), Targets: map[string]target.Target{"mailer": mailer}})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, kind := range []string{"Taken", "Refused"} {
		if _, err := node.Buses().Put(ctx, []bus.Entry{{Bus: bus.Default, Source: "shop", DetailType: kind, Detail: []byte(`{}`)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := node.AwaitQuiet(ctx); err != nil {
		t.Fatal(err)
	}
	if c := node.Queues().Counts(bus.Default, "r"); c != (delivery.Counts{Matched: 2, Delivered: 1, DeadLettered: 1}) || len(got) != 3 {
		t.Errorf("%+v after %d calls", c, len(got))
	}
}
