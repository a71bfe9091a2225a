package eventbridge_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/tablecast/tablecast/bus"
)

const accountARN = "arn:aws:events:us-east-1:000000000000:"

// until waits for a condition.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not in time", what)
		case <-tick.C:
		}
	}
}

func TestSDKArchives(t *testing.T) {
	c, ctx := start(t, bus.Options{}).sdk(), t.Context()
	made, err := c.CreateArchive(ctx, &sdk.CreateArchiveInput{
		ArchiveName: aws.String("kept"), EventSourceArn: aws.String(accountARN + "event-bus/default"), Description: aws.String("d"),
		EventPattern: aws.String(`{"source":["s"]}`), RetentionDays: aws.Int32(3),
	})
	check(t, err)
	if *made.ArchiveArn != accountARN+"archive/kept" || made.State != types.ArchiveStateEnabled || made.CreationTime.IsZero() {
		t.Errorf("created %+v", made)
	}
	_, err = c.CreateArchive(ctx, &sdk.CreateArchiveInput{ArchiveName: aws.String("kept"), EventSourceArn: aws.String(accountARN + "event-bus/default")})
	fails(t, err, "ResourceAlreadyExistsException", "Archive kept already exists.")
	rule, err := c.DescribeRule(ctx, &sdk.DescribeRuleInput{Name: aws.String("Events-Archive-kept")})
	check(t, err)
	if *rule.ManagedBy != "prod.vhs.events.aws.internal" || *rule.EventPattern != `{"source":["s"],"replay-name":[{"exists":false}]}` {
		t.Errorf("rule %+v", rule)
	}
	_, err = c.PutEvents(ctx, &sdk.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		{Source: aws.String("s"), DetailType: aws.String("T"), Detail: aws.String(`{}`)},
		{Source: aws.String("x"), DetailType: aws.String("T"), Detail: aws.String(`{}`)},
	}})
	check(t, err)
	_, err = c.UpdateArchive(ctx, &sdk.UpdateArchiveInput{ArchiveName: aws.String("kept"), RetentionDays: aws.Int32(0)})
	check(t, err)
	got, err := c.DescribeArchive(ctx, &sdk.DescribeArchiveInput{ArchiveName: aws.String("kept")})
	check(t, err)
	if got.EventCount != 1 || got.SizeBytes == 0 || *got.RetentionDays != 0 || *got.Description != "d" || *got.EventPattern != `{"source":["s"]}` {
		t.Errorf("described %+v", got)
	}
	list, err := c.ListArchives(ctx, &sdk.ListArchivesInput{EventSourceArn: aws.String(accountARN + "event-bus/default")})
	check(t, err)
	if len(list.Archives) != 1 || *list.Archives[0].ArchiveName != "kept" || list.Archives[0].EventCount != 1 {
		t.Errorf("listed %+v", list.Archives)
	}
	_, err = c.DeleteArchive(ctx, &sdk.DeleteArchiveInput{ArchiveName: aws.String("kept")})
	check(t, err)
	_, err = c.DescribeArchive(ctx, &sdk.DescribeArchiveInput{ArchiveName: aws.String("kept")})
	fails(t, err, "ResourceNotFoundException", "Archive kept does not exist.")
}

func TestSDKReplays(t *testing.T) {
	n := start(t, bus.Options{})
	c, ctx := n.sdk(), t.Context()
	for _, name := range []string{"r", "q"} {
		_, err := c.PutRule(ctx, &sdk.PutRuleInput{Name: aws.String(name), EventPattern: aws.String(`{"source":["s"],"replay-name":[{"exists":true}]}`)})
		check(t, err)
		_, err = c.PutTargets(ctx, &sdk.PutTargetsInput{Rule: aws.String(name), Targets: []types.Target{{Id: aws.String("t"), Arn: aws.String("log:x")}}})
		check(t, err)
	}
	source := aws.String(accountARN + "event-bus/default")
	_, err := c.CreateArchive(ctx, &sdk.CreateArchiveInput{ArchiveName: aws.String("kept"), EventSourceArn: source})
	check(t, err)
	at := time.Unix(1e9, 0).UTC()
	_, err = c.PutEvents(ctx, &sdk.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		{Source: aws.String("s"), DetailType: aws.String("T"), Detail: aws.String(`{}`), Time: &at},
	}})
	check(t, err)
	end := at.Add(time.Second)
	in := &sdk.StartReplayInput{
		ReplayName: aws.String("again"), EventSourceArn: aws.String(accountARN + "archive/kept"), EventStartTime: &at, EventEndTime: &end,
		Destination: &types.ReplayDestination{Arn: source, FilterArns: []string{accountARN + "rule/r"}},
	}
	made, err := c.StartReplay(ctx, in)
	check(t, err)
	if *made.ReplayArn != accountARN+"replay/again" || made.State != types.ReplayStateStarting {
		t.Errorf("started %+v", made)
	}
	_, err = c.StartReplay(ctx, in)
	fails(t, err, "ResourceAlreadyExistsException", "Replay again already exists.")
	var got *sdk.DescribeReplayOutput
	until(t, "replay", func() bool {
		got, err = c.DescribeReplay(ctx, &sdk.DescribeReplayInput{ReplayName: aws.String("again")})
		return err != nil || got.State == types.ReplayStateCompleted
	})
	check(t, err)
	if !got.EventLastReplayedTime.Equal(at) || got.ReplayEndTime == nil || got.Destination.FilterArns[0] != accountARN+"rule/r" {
		t.Errorf("described %+v", got)
	}
	if r, q := n.queues.Counts("default", "r"), n.queues.Counts("default", "q"); r.Matched != 1 || q.Matched != 0 {
		t.Errorf("matched %d and %d", r.Matched, q.Matched)
	}
	list, err := c.ListReplays(ctx, &sdk.ListReplaysInput{State: types.ReplayStateCompleted})
	check(t, err)
	if len(list.Replays) != 1 || *list.Replays[0].EventSourceArn != accountARN+"archive/kept" {
		t.Errorf("listed %+v", list.Replays)
	}
	_, err = c.CancelReplay(ctx, &sdk.CancelReplayInput{ReplayName: aws.String("again")})
	fails(t, err, "IllegalStatusException", "Replay again is not in a valid state for this operation.")
}
