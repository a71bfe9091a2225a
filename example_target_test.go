package tablecast_test

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/target"
)

// A program that embeds a node receives events itself: it gives a Target a name,
// and rules send their events to it, with retries, order and dead letters as to
// any other target.
func ExampleOptions_targets() {
	file, err := config.Parse("tablecast.yaml", []byte(`
rules:
  welcome: { pattern: { source: [shop], detail-type: [CustomerCreated] }, targets: [ { go: mailer, retry: { attempts: 5 } } ] }
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	mailer := target.Func(func(_ context.Context, d *target.Delivery) (target.Response, error) {
		if len(d.Event.Detail) == 0 {
			return target.Response{}, &target.Error{Code: target.CodeClientError, Msg: "no customer", Permanent: true}
		}
		fmt.Printf("attempt %d: %s %s\n", d.Attempt, d.Event.DetailType, d.Event.Detail)
		return target.Response{Status: "mailed"}, nil
	})
	node, err := tablecast.Open("data", tablecast.Options{
		FS: vfs.NewMem(), Config: file, // in memory, for the example
		Targets: map[string]target.Target{"mailer": mailer},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close()
	ctx := context.Background()
	_, err = node.Buses().Put(ctx, []bus.Entry{{Bus: bus.Default, Source: "shop", DetailType: "CustomerCreated", Detail: []byte(`{"name":"Ada"}`)}})
	if err != nil {
		fmt.Println(err)
	}
	if err := node.AwaitQuiet(ctx); err != nil {
		fmt.Println(err)
	}
	// Output: attempt 1: CustomerCreated {"name":"Ada"}
}
