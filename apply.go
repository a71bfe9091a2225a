package tablecast

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/table"
)

// apply makes the folder hold what the file declares. What an earlier file
// declared and this one does not goes; tables and archives, which hold data, and
// what came over the API stay.
//
// Each step is durable on its own and does nothing if it was done before, so that
// applying the same file again finishes what an error or a crash cut short. Their
// order keeps names that others refer to: tables and buses come first and the
// rules that name buses after them; what goes, goes once nothing of the file
// names it, buses last of all (removeBuses).
func (n *Node) apply(ctx context.Context, f *config.File) error {
	if err := errors.Join(n.checkSources(f), n.checkArchives(f), n.checkTargets(f)); err != nil {
		return err
	}
	for _, spec := range f.Tables {
		if err := n.applyTable(f, spec); err != nil {
			return err
		}
	}
	for _, name := range f.Buses {
		now := time.Now().UTC()
		err := n.buses.Create(bus.Bus{Name: name, Created: now, Modified: now, Origin: config.Origin})
		if err != nil && !errors.Is(err, bus.ErrBusExists) {
			return err
		}
	}
	for _, a := range f.Archives {
		if err := n.applyArchive(a); err != nil {
			return fmt.Errorf("%s: archive %s: %w", f.Path, a.Name, err)
		}
	}
	if err := n.conns.Declare(config.Origin, f.Connections, f.Destinations); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	for _, rule := range f.Rules {
		if err := n.applyRule(rule); err != nil {
			return fmt.Errorf("%s: rule %s: %w", f.Path, rule.Name, err)
		}
	}
	if err := n.applySources(ctx, f); err != nil {
		return err
	}
	return n.removeRules(f)
}

// applyTable makes a table, or gives an existing one the indexes, the time to live
// and the view of its stream that the file names. What the file does not name of
// an existing table stays. Another view is a new stream, which begins empty.
func (n *Node) applyTable(f *config.File, spec table.Spec) error {
	d, err := n.tables.Describe(spec.Name)
	if errors.Is(err, table.ErrNotFound) {
		_, err = n.tables.Create(spec)
		return err
	}
	if err != nil {
		return err
	}
	if err := sameKey(f, spec, d); err != nil {
		return err
	}
	if err := n.applyIndexes(f, spec, d); err != nil {
		return err
	}
	if err := n.applyTTL(spec); err != nil {
		return err
	}
	if spec.View == "" || d.Stream != nil && d.Stream.View() == spec.View {
		return nil
	}
	if d.Stream != nil {
		if _, err := n.tables.Update(spec.Name, table.Change{Stream: &table.StreamChange{}}); err != nil {
			return err
		}
	}
	_, err = n.tables.Update(spec.Name, table.Change{Stream: &table.StreamChange{Enabled: true, View: spec.View}})
	return err
}

// sameKey returns an error if the table in the folder has another key.
func sameKey(f *config.File, spec table.Spec, d table.Description) error {
	if !d.Schema.Equal(spec.Schema) {
		return fmt.Errorf("%s: table %s has another key than the one in the folder; keys cannot change: use another table name or folder", f.Path, spec.Name)
	}
	return nil
}

// applyIndexes adds the indexes that a table lacks, and replaces those that it has
// in another form, in one update.
func (n *Node) applyIndexes(f *config.File, spec table.Spec, d table.Description) error {
	gone, made, err := indexChanges(f, spec, d)
	if err != nil || len(made) == 0 {
		return err
	}
	_, err = n.tables.Update(spec.Name, table.Change{Indexes: append(gone, made...)})
	return err
}

// indexChanges returns which indexes of a table the file replaces or adds, as
// deletions and creations. It returns an error if the table cannot have them beside
// those that stay.
func indexChanges(f *config.File, spec table.Spec, d table.Description) (gone, made []table.IndexChange, err error) {
	for _, x := range spec.Indexes {
		i := slices.IndexFunc(d.Indexes, func(y table.IndexDescription) bool { return y.Name == x.Name })
		if i >= 0 && sameIndex(d.Indexes[i].IndexSpec, x) {
			continue
		}
		if x.Local || i >= 0 && d.Indexes[i].Local {
			return nil, nil, fmt.Errorf("%s: local index %s of table %s is not the one in the folder; local indexes cannot change: use another table name or folder", f.Path, x.Name, spec.Name)
		}
		if i >= 0 {
			gone = append(gone, table.IndexChange{Delete: x.Name})
		}
		made = append(made, table.IndexChange{Create: &x})
	}
	whole := table.Spec{Schema: d.Schema}
	for _, y := range d.Indexes {
		if !slices.ContainsFunc(spec.Indexes, func(x table.IndexSpec) bool { return y.Name == x.Name }) {
			whole.Indexes = append(whole.Indexes, y.IndexSpec)
		}
	}
	whole.Indexes = append(whole.Indexes, spec.Indexes...)
	if err := whole.Check(); err != nil && len(made) > 0 {
		return nil, nil, fmt.Errorf("%s: table %s: %w; an index that the file no longer names stays until UpdateTable deletes it", f.Path, spec.Name, err)
	}
	return gone, made, nil
}

func sameIndex(a, b table.IndexSpec) bool {
	return a.Local == b.Local && a.Schema.Equal(b.Schema) && a.Projection == b.Projection && slices.Equal(a.Include, b.Include)
}

// applyTTL gives a table the attribute of the time to live that the file names. A
// crash between its two steps leaves a table without one, which the next Open
// mends.
func (n *Node) applyTTL(spec table.Spec) error {
	have, _, err := n.tables.TTL(spec.Name)
	if err != nil || spec.TTL == "" || spec.TTL == have {
		return err
	}
	if have != "" {
		if err := n.tables.SetTTL(spec.Name, ""); err != nil {
			return err
		}
	}
	return n.tables.SetTTL(spec.Name, spec.TTL)
}

// applyArchive makes an archive what the file says.
func (n *Node) applyArchive(a bus.Archive) error {
	old, err := n.buses.Archive(a.Name)
	if errors.Is(err, bus.ErrArchiveNotFound) {
		return n.buses.CreateArchive(a)
	}
	if err != nil {
		return err
	}
	a.Created = old.Created
	if old.Archive == a {
		return nil
	}
	_, err = n.buses.UpdateArchive(a.Name, bus.ArchiveUpdate{Description: &a.Description, Pattern: &a.Pattern, RetentionDays: &a.RetentionDays})
	return err
}

// checkArchives returns an error if an archive exists for another bus.
func (n *Node) checkArchives(f *config.File) error {
	for _, a := range f.Archives {
		old, err := n.buses.Archive(a.Name)
		if err == nil && old.Bus != a.Bus {
			return fmt.Errorf("%s: archive %s is of bus %s and cannot be of %s; give it another name", f.Path, a.Name, old.Bus, a.Bus)
		}
	}
	return nil
}

// applyRule makes a rule what the file says, and gives it the file's targets.
// Targets that came over the API stay.
func (n *Node) applyRule(rule bus.Rule) error {
	targets := rule.Targets
	rule.Targets = nil
	if err := n.buses.PutRule(rule); err != nil {
		return err
	}
	old, err := n.buses.Rule(rule.Bus, rule.Name)
	if err != nil {
		return err
	}
	var stale []string
	for _, t := range old.Targets {
		named := slices.ContainsFunc(targets, func(x bus.Target) bool { return x.ID == t.ID })
		if t.Origin == config.Origin && !named {
			stale = append(stale, t.ID)
		}
	}
	if len(stale) > 0 {
		if _, err := n.buses.RemoveTargets(rule.Bus, rule.Name, stale); err != nil {
			return err
		}
	}
	if len(targets) == 0 {
		return nil
	}
	return n.buses.PutTargets(rule.Bus, rule.Name, targets)
}

// removeRules removes the rules that an earlier file declared and this one does
// not, with all their targets; what is pending for them is dropped and counted.
func (n *Node) removeRules(f *config.File) error {
	for _, b := range n.buses.List("") {
		rules, err := n.buses.Rules(b.Name, "")
		if err != nil {
			return err
		}
		for _, r := range rules {
			named := slices.ContainsFunc(f.Rules, func(x bus.Rule) bool { return x.Bus == r.Bus && x.Name == r.Name })
			if r.Origin != config.Origin || named {
				continue
			}
			var ids []string
			for _, t := range r.Targets {
				ids = append(ids, t.ID)
			}
			if _, err := n.buses.RemoveTargets(r.Bus, r.Name, ids); err != nil {
				return err
			}
			if err := n.buses.DeleteRule(r.Bus, r.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeBuses removes the buses that an earlier file declared and this one does
// not, with their stored events. A bus that still has rules stays: those of the
// API, and those of archives, which hold data. It comes after the rules of the
// file are gone and no relay uses an earlier file any more: the events of a
// change that a relay maps for a bus that is gone would be parked.
func (n *Node) removeBuses(f *config.File) error {
	for _, b := range n.buses.List("") {
		if b.Origin != config.Origin || b.Name == bus.Default || slices.Contains(f.Buses, b.Name) {
			continue
		}
		err := n.buses.Delete(b.Name)
		if errors.Is(err, bus.ErrBusHasRules) {
			n.opts.Logger.Warn("tablecast: a bus that the file no longer declares stays, as it has rules that came over the API, or archives", "bus", b.Name)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}
