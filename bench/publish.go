package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/remote/eventbridge"
)

// published is how many events of how many items one batch of records raises,
// publishCalls how many calls are under way at a time.
const (
	published    = 1000
	publishCalls = 8
)

// publishing measures events a second through the publisher, each of an item of
// its own, against calls of PutEvents with ten entries and nothing around them.
func publishing(ctx context.Context, dir string, d time.Duration) error {
	node, err := serveNode(filepath.Join(dir, "publish"), false)
	if err != nil {
		return err
	}
	client := sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: &node.url, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	events := raisedEvents()
	p := eventbridge.New(eventbridge.Options{Client: client, Concurrency: publishCalls})
	ours := func() error { return errors.Join(p.Publish(ctx, events)...) }
	bare := func() error { return bareCalls(ctx, client, events) }
	var sums [2]time.Duration
	for range 5 {
		for i, fn := range []func() error{ours, bare} {
			one, err := each(d/5, fn)
			if err != nil {
				return errors.Join(err, node.stop())
			}
			sums[i] += one / 5
		}
	}
	got, floor := perSecond(published, sums[0]), perSecond(published, sums[1])
	row("events published by PutEvents", fmt.Sprintf("%.0f/s", got), fmt.Sprintf("%.0f/s", floor), got/floor, ">= 0.8")
	return node.stop()
}

func raisedEvents() (out []mapping.Raised) {
	for i := range published {
		group := fmt.Sprintf(`users{"id":"%d"}`, i)
		out = append(out, mapping.Raised{Bus: "default", Event: event.Event{
			ID: event.DeterministicID(group), Source: "bench", DetailType: "UserCreated", Time: time.Now(), Group: group,
			Detail: fmt.Appendf(nil, `{"id":"%d","doc":%q}`, i, doc[:600]),
		}})
	}
	return out
}

// bareCalls puts the events, ten a call.
func bareCalls(ctx context.Context, client *sdk.Client, events []mapping.Raised) error {
	inputs := make(chan *sdk.PutEventsInput, len(events)/event.MaxPutEntries)
	for i := 0; i < len(events); i += event.MaxPutEntries {
		in := &sdk.PutEventsInput{}
		for j := range events[i : i+event.MaxPutEntries] {
			e := &events[i+j].Event
			in.Entries = append(in.Entries, types.PutEventsRequestEntry{
				Source: &e.Source, DetailType: &e.DetailType, Detail: aws.String(string(e.Detail)), Time: &e.Time, EventBusName: &events[i+j].Bus,
			})
		}
		inputs <- in
	}
	close(inputs)
	var calls sync.WaitGroup
	errs := [publishCalls]error{}
	for w := range publishCalls {
		calls.Go(func() {
			for in := range inputs {
				out, err := client.PutEvents(ctx, in)
				if err == nil && out.FailedEntryCount > 0 {
					err = fmt.Errorf("%d entries failed", out.FailedEntryCount)
				}
				errs[w] = errors.Join(errs[w], err)
			}
		})
	}
	calls.Wait()
	return errors.Join(errs[:]...)
}
