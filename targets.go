package tablecast

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/connection"
)

// keyFile is the file in a node's folder that holds the key of what authorizes
// its connections.
const keyFile = "KEY"

// openConnections reads the connections of the folder and their key. A folder in
// a file system of the caller's has a key that is no secret.
func (n *Node) openConnections(dir string) error {
	var key connection.Key
	var err error
	if n.opts.FS == nil {
		if key, err = connection.LoadKey(filepath.Join(dir, keyFile)); err != nil {
			return err
		}
	}
	n.conns, err = connection.Open(n.store, connection.Options{Key: key, Logger: n.opts.Logger})
	return err
}

// serves reports whether an ARN of another service than functions can be called.
func (n *Node) serves(arn string) bool {
	_, isBus := busOf(arn)
	return isBus || strings.Contains(arn, connection.ARNPart) || target.IsAWS(arn) && n.opts.AWS != nil
}

func (n *Node) targetOptions() target.Options {
	return target.Options{
		LogDir: n.logs, Stdout: n.opts.Stdout, Trusted: true, Invoke: n.invoke, Secret: n.opts.WebhookSecret, AWS: n.opts.AWS, NATSCredentials: n.opts.NATSCredentials,
	}
}

// target opens the target that an ARN names.
func (n *Node) target(arn string) (target.Target, error) {
	if strings.Contains(arn, connection.ARNPart) {
		return n.conns.Target(arn)
	}
	if name, ok := busOf(arn); ok {
		return busTarget{n, name}, nil
	}
	return target.Open(arn, n.targetOptions())
}

// A busTarget hands events to another bus of the node.
type busTarget struct {
	n    *Node
	name string
}

// Deliver implements target.Target.
func (b busTarget) Deliver(ctx context.Context, d *target.Delivery) (target.Response, error) {
	return target.Response{Status: "accepted"}, b.n.buses.Forward(ctx, b.name, d.Event)
}

// deadEvery is how often dead letters are sent to the queues that take them.
const deadEvery = 5 * time.Second

// sendDead sends dead letters to the queues that targets name, until ctx ends.
// What is not taken stays in the store.
func (n *Node) sendDead(ctx context.Context) error {
	if n.opts.AWS == nil {
		return nil
	}
	queues := map[string]target.DeadLetterQueue{}
	tick := time.NewTicker(deadEvery)
	defer tick.Stop()
	for {
		for _, b := range n.buses.List("") {
			rules, _ := n.buses.Rules(b.Name, "") // none of a bus that was deleted just now
			for _, r := range rules {
				n.sendDeadOf(ctx, r, queues)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// sendDeadOf sends the dead letters of a rule's targets.
func (n *Node) sendDeadOf(ctx context.Context, r bus.Rule, queues map[string]target.DeadLetterQueue) {
	for _, t := range r.Targets {
		if !strings.HasPrefix(t.DeadLetterARN, target.QueueARN) {
			continue
		}
		q, ok := queues[t.DeadLetterARN]
		if !ok {
			var err error
			if q, err = target.OpenDeadLetterQueue(t.DeadLetterARN, n.targetOptions()); err != nil {
				n.opts.Logger.Warn("tablecast: dead-letter queue", "rule", r.Name, "target", t.ID, "error", err)
				continue
			}
			queues[t.DeadLetterARN] = q
		}
		f := delivery.DeadFilter{Bus: r.Bus, Rule: r.Name, Target: t.ID}
		_, err := n.queues.SendDead(ctx, f, func(ctx context.Context, d delivery.DeadLetter) error {
			return q.SendDead(ctx, d.Event.AppendJSON(nil), n.buses.DeadAttributes(&d))
		})
		if err != nil && ctx.Err() == nil {
			n.opts.Logger.Warn("tablecast: dead letters are not taken and stay here", "queue", t.DeadLetterARN, "rule", r.Name, "target", t.ID, "error", err)
		}
	}
}
