package tablecast

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/internal/seal"
	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/connection"
)

// keyFile is the file in a node's folder that holds the key with which the
// parameters of connections are sealed.
const keyFile = "KEY"

// openTargets makes the folder of log targets, and opens the connections of the
// folder with their key. A folder in a file system of the caller's has no log
// targets and a key that is no secret.
func (n *Node) openTargets(dir string) (err error) {
	n.logs = filepath.Join(dir, "logs")
	var key seal.Key
	if n.opts.FS == nil {
		if err := os.MkdirAll(n.logs, 0o700); err != nil {
			return fmt.Errorf("tablecast: %w", err)
		}
		if key, err = seal.LoadKey(filepath.Join(dir, keyFile)); err != nil {
			return err
		}
	}
	n.conns, err = connection.Open(n.store, connection.Options{
		Key: key, Target: target.Options{PublicOnly: n.opts.PublicTargets, Allow: n.opts.AllowPrivate}, Logger: n.opts.Logger,
	})
	return err
}

// resource returns the name in an ARN of the node's EventBridge, as that of a bus in
// arn:aws:events:REGION:ACCOUNT:event-bus/NAME; ok is false for other ARNs and
// texts.
func (n *Node) resource(text, kind string) (name string, ok bool) {
	a, err := arn.Parse(text)
	if err != nil || a.Service != "events" || !n.home.Owns(a) {
		return "", false
	}
	return strings.CutPrefix(a.Resource, kind+"/")
}

// serves reports whether an ARN names something that this node can call. What it runs
// by itself is of its account and region; other ARNs of those services are not.
func (n *Node) serves(text string) bool {
	_, isBus := n.resource(text, "event-bus")
	_, isDestination := n.resource(text, "api-destination")
	a, err := arn.Parse(text)
	isFunction := err == nil && a.Service == "lambda" && n.home.Owns(a)
	return isBus || isDestination || isFunction || target.IsAWS(text) && n.opts.AWS != nil
}

// open opens a target that is neither a bus nor an API destination.
func (n *Node) open(text string, o target.Options) (target.Target, error) {
	if strings.HasPrefix(text, target.FunctionARN) && !n.serves(text) {
		return nil, &target.ParseError{ARN: text, Msg: "a function of another account or region", Fix: n.home.ARN("lambda", "function:NAME")}
	}
	return target.Open(text, o)
}

func (n *Node) targetOptions() target.Options {
	return target.Options{
		LogDir: n.logs, Stdout: n.opts.Stdout, Trusted: true, Go: n.opts.Targets, Invoke: n.invoke, Secret: n.opts.WebhookSecret, AWS: n.opts.AWS, NATSCredentials: n.opts.NATSCredentials,
		PublicOnly: n.opts.PublicTargets, Allow: n.opts.AllowPrivate,
	}
}

// checkTargets reports the targets in Go that the file names and the program has
// not given.
func (n *Node) checkTargets(f *config.File) (err error) {
	for _, r := range f.Rules {
		for _, t := range r.Targets {
			name, isGo := strings.CutPrefix(t.ARN, "go:")
			if isGo && n.opts.Targets[name] == nil {
				err = errors.Join(err, fmt.Errorf("%s: rule %s: there is no target in Go named %s; a program that embeds the node gives it in Options.Targets", f.Path, r.Name, name))
			}
		}
	}
	return err
}

// target opens the target that an ARN names.
func (n *Node) target(text string) (target.Target, error) {
	if _, ok := n.resource(text, "api-destination"); ok {
		return n.conns.Target(text)
	}
	if name, ok := n.resource(text, "event-bus"); ok {
		return busTarget{n, name}, nil
	}
	return n.open(text, n.targetOptions())
}

// A busTarget forwards events to another bus of the node.
type busTarget struct {
	n    *Node
	name string
}

// Deliver implements target.Target.
func (b busTarget) Deliver(ctx context.Context, d *target.Delivery) (target.Response, error) {
	return target.Response{Status: "accepted"}, b.n.buses.Forward(ctx, b.name, d.Event)
}

// deadEvery is the pause between two rounds in which dead letters are sent to
// the queues of SQS that targets name for them.
const deadEvery = 5 * time.Second

// sendDead sends dead letters to those queues, round by round, until ctx ends. A
// dead letter is removed from the store once the queue has it; one that the queue
// does not take stays, and is sent again in the next round.
func (n *Node) sendDead(ctx context.Context) error {
	if n.opts.AWS == nil {
		return nil
	}
	queues := map[string]target.DeadLetterQueue{}
	for {
		for _, b := range n.buses.List("") {
			rules, _ := n.buses.Rules(b.Name, "") // none of a bus that was deleted just now
			for _, r := range rules {
				n.sendDeadOf(ctx, r, queues)
			}
		}
		if wait.Sleep(ctx, deadEvery) != nil {
			return nil
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
