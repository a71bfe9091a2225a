package tablecast

import (
	"errors"
	"fmt"

	"github.com/tablecast/tablecast/internal/local"
	"github.com/tablecast/tablecast/kv"
)

// homeKey has the account and the region of the folder, as JSON; a folder without it
// has the defaults.
var homeKey = kv.NewKey('j')

// Home returns the account and the region of the node.
func (n *Node) Home() (account, region string) { return n.home.Account, n.home.Region }

// openHome sets the account and the region. They are in ARNs and events that the folder
// keeps, so a folder that holds anything opens with its own alone.
func (n *Node) openHome(string) error {
	n.home = local.Home{Account: n.opts.Account, Region: n.opts.Region}
	if f := n.opts.Config; f != nil {
		if n.home.Account != "" && n.home.Account != f.Account || n.home.Region != "" && n.home.Region != f.Region {
			return fmt.Errorf("tablecast: %s is of account %s and region %s, and the options name others", f.Path, f.Account, f.Region)
		}
		n.home = local.Home{Account: f.Account, Region: f.Region}
	}
	if err := n.home.Check(); err != nil {
		return fmt.Errorf("tablecast: %w", err)
	}
	n.home = n.home.OrDefault()
	stored := local.Home{}.OrDefault()
	err := n.store.View(homeKey, func(v []byte) error { return kv.Unmarshal(v, &stored) })
	switch {
	case errors.Is(err, kv.ErrNotFound) && n.home != stored:
		empty, err := n.empty()
		if err != nil {
			return err
		}
		if empty {
			return n.saveHome()
		}
	case err != nil && !errors.Is(err, kv.ErrNotFound):
		return fmt.Errorf("tablecast: account and region: %w", err)
	}
	if n.home != stored {
		return fmt.Errorf("the folder is of account %s and region %s, not of %s and %s: start with --account %s --region %s, or with another folder",
			stored.Account, stored.Region, n.home.Account, n.home.Region, stored.Account, stored.Region)
	}
	return nil
}

// empty reports whether the folder has no tables, buses, rules, functions or streams
// so far.
func (n *Node) empty() (bool, error) {
	for _, keyspace := range []byte("tbufs") {
		it := n.store.Scan(kv.Prefix(kv.NewKey(keyspace)))
		found := it.Next()
		if err := it.Close(); err != nil || found {
			return false, err
		}
	}
	return true, nil
}

// saveHome stores the account and the region, before anything that has them.
func (n *Node) saveHome() error {
	b := n.store.NewBatch()
	b.Set(homeKey, fmt.Appendf(nil, `{"Account":%q,"Region":%q}`, n.home.Account, n.home.Region))
	_, err := n.store.Commit(b)
	return err
}
