package tablecast

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/relay"
	"github.com/tablecast/tablecast/table"
)

// ErrRestart means that a file changes a setting that is read by Open alone.
var ErrRestart = errors.New("tablecast: the node must be started again for this")

// Reload puts another file into effect while the node runs: its tables, buses,
// rules, connections, functions and event source mappings, and then, for each
// table between two changes, what its changes mean. Writes and deliveries go on
// meanwhile. Calls of Reload follow each other.
//
// The account, the region, the settings of streams, of PutEvents, the quotas and the claim check are those
// of Open: if the file changes one, nothing is done and the error wraps
// ErrRestart. Nor is anything done for a file that contradicts the folder. Any
// other error, and a crash, leave the node between both files; another Reload, or
// Open, with either file mends that.
func (n *Node) Reload(ctx context.Context, f *config.File) error {
	n.reloading.Lock()
	defer n.reloading.Unlock()
	was := n.Config()
	if was == nil {
		return fmt.Errorf("%w: it was started without a file", ErrRestart)
	}
	for what, same := range map[string]bool{
		"account": was.Account == f.Account, "region": was.Region == f.Region, "streams": was.Streams == f.Streams, "put-events": was.PutEvents == f.PutEvents, "quotas": was.Quotas == f.Quotas, "mapping.claim-check": was.ClaimCheck == f.ClaimCheck,
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

// compatible returns what of a file contradicts the folder. It changes nothing.
func (n *Node) compatible(f *config.File) error {
	if err := errors.Join(n.checkFunctions(f), n.checkSources(f), n.checkArchives(f), n.checkTargets(f)); err != nil {
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

// replace gives each relay its definitions, none if the file has none for its
// table, and starts relays for tables that had none.
func (n *Node) replace(ctx context.Context, f *config.File) error {
	byTable := n.definitions(f)
	n.mu.Lock()
	relays := maps.Clone(n.relays)
	n.mu.Unlock() // a relay may take its time, and Status is asked meanwhile
	for name, r := range relays {
		err := r.Replace(ctx, byTable[name], n.set(f, name, byTable[name]), source(f))
		if err != nil && !errors.Is(err, relay.ErrStopped) { // one that halted harms no other table; Ready tells
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
