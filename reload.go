package tablecast

import (
	"context"
	"errors"
	"fmt"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/relay"
	"github.com/tablecast/tablecast/table"
)

// ErrRestart means that a file differs from the one in effect in what a running
// node cannot change.
var ErrRestart = errors.New("tablecast: the node must be started again for this")

// Reload puts another file into effect while the node runs: tables, buses,
// rules, functions and what feeds them, and, for each table between two records,
// what its changes mean. The settings of streams, of PutEvents, quotas and the claim check
// stay as they were: if the file changes them, nothing is done and the error wraps ErrRestart.
func (n *Node) Reload(ctx context.Context, f *config.File) error {
	n.reloading.Lock()
	defer n.reloading.Unlock()
	was := n.Config()
	if was == nil {
		return fmt.Errorf("%w: it was started without a file", ErrRestart)
	}
	for what, same := range map[string]bool{
		"streams": was.Streams == f.Streams, "put-events": was.PutEvents == f.PutEvents, "quotas": was.Quotas == f.Quotas, "mapping.claim-check": was.ClaimCheck == f.ClaimCheck,
	} {
		if !same {
			return fmt.Errorf("%w: %s: %s differs", ErrRestart, f.Path, what)
		}
	}
	if err := n.compatible(f); err != nil {
		return err
	}
	if err := n.functions.Declare(f.Functions); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	if err := n.apply(ctx, f); err != nil {
		return err
	}
	n.mu.Lock()
	n.config = f
	n.mu.Unlock()
	if err := n.replace(ctx, f); err != nil {
		return err
	}
	return n.removeBuses(f)
}

// compatible reports what of a file contradicts the folder, before anything is
// changed.
func (n *Node) compatible(f *config.File) error {
	if err := errors.Join(n.checkSources(f), n.checkArchives(f)); err != nil {
		return err
	}
	for _, spec := range f.Tables {
		d, err := n.tables.Describe(spec.Name)
		if errors.Is(err, table.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if err := sameKey(f, spec, d); err != nil {
			return err
		}
		if _, _, err := indexChanges(f, spec, d); err != nil {
			return err
		}
	}
	return nil
}

// replace gives each relay its definitions, and starts those that are new.
func (n *Node) replace(ctx context.Context, f *config.File) error {
	byTable := n.definitions(f)
	n.mu.Lock()
	relays := map[string]*relay.Relay{}
	for name, r := range n.relays {
		relays[name] = r
	}
	n.mu.Unlock()
	for name, r := range relays {
		if err := r.Replace(ctx, byTable[name], n.set(f, name, byTable[name]), source(f)); err != nil {
			return err
		}
	}
	for name, defs := range byTable {
		if relays[name] != nil {
			continue
		}
		if err := n.prepareRelay(f, name, defs); err != nil {
			return err
		}
		n.runRelay(n.Relay(name))
	}
	return nil
}
