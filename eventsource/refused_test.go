package eventsource

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// A disk can be full, so that the store refuses every batch.
type disk struct {
	*world
	fs *kvtest.SpaceFS
}

func onDisk(t *testing.T, h handler) *disk {
	t.Helper()
	fs := kvtest.NewSpaceFS(vfs.NewMem(), 1<<40)
	d := &disk{world: open(t, fs, h, Options{}), fs: fs}
	d.create()
	return d
}

// set makes the disk full, or not, and waits until the store knows.
func (d *disk) set(full bool) {
	d.t.Helper()
	d.fs.SetFree(1 << 40)
	if full {
		d.fs.SetFree(1)
	}
	d.await("the free space", func() bool { return d.store.Stats().DiskFull == full })
}

// only returns the first shard of the table for a mapping that does not run.
func (d *disk) only(t *testing.T, do func(*Mapping)) *shard {
	t.Helper()
	m := d.mapped(func(m *Mapping) { do(m); m.Enabled = false })
	d.await("disabled", func() bool { return d.status(m.UUID).State == Disabled })
	r, err := d.find(m.UUID)
	must(t, err)
	st := d.users()
	s, err := r.open(st, st.Shards()[0])
	must(t, err)
	return s
}

// A shard whose last checkpoint is refused for a while comes to its end, and counts
// what no filter matched: its children do not wait for ever.
func TestShardEndsThoughRefusedOnce(t *testing.T) {
	for _, filtered := range []int{0, 40} {
		d := onDisk(t, takeAll)
		for n := range filtered {
			d.put("a", n)
			d.put("b", n)
			d.put("c", n)
		}
		must(t, d.users().Rotate())
		s := d.only(t, func(m *Mapping) { m.Filters = []string{`{"eventName":["NONE"]}`} })
		patterns, err := s.m.compile()
		must(t, err)
		s.m.setFilters(patterns)
		page, err := d.users().ReadShard(s.info.ID, s.from, 1000, 1<<20)
		must(t, err)
		want := uint64(len(page.Records))
		d.set(true)
		var running sync.WaitGroup
		running.Go(func() { s.run(t.Context(), make(chan struct{})) })
		d.await("a refusal", func() bool { return strings.Contains(d.status(s.m.UUID).Result, kv.ErrDiskFull.Error()) })
		d.set(false)
		d.await("the end of the shard", func() bool { c, err := s.m.checkpointOf(s.info.Number); return err == nil && c.Done })
		running.Wait()
		if got := d.status(s.m.UUID).Filtered; got != want || filtered > 0 && want == 0 {
			t.Errorf("%d filtered, want %d", got, want)
		}
	}
}

// Records whose checkpoint is refused come again to the state without them.
func TestWindowStateThoughRefused(t *testing.T) {
	d := onDisk(t, func(_ []change, e *event) (string, error) {
		if e.State["n"] != 0 {
			return "", errors.New("the state has the record")
		}
		return `{"state":{"n":1}}`, nil
	})
	for n := range 20 { // some in the first shard
		d.put(string(rune('a'+n)), n)
	}
	s := d.only(t, func(m *Mapping) { m.TumblingWindow = 900 })
	var work sync.WaitGroup
	_, err := s.read(&work)
	must(t, err)
	batch, _ := s.batch(s.lanes[0])
	d.set(true)
	if err := s.handle(t.Context(), nil, batch); !errors.Is(err, kv.ErrDiskFull) {
		t.Error(err)
	}
	d.set(false)
	must(t, s.handle(t.Context(), nil, batch))
	if c, err := s.m.checkpointOf(s.info.Number); err != nil || string(c.Tumbling.State) != `{"n":1}` || c.Delivered != uint64(len(batch)) {
		t.Errorf("%+v %v", c, err)
	}
}

// A gap is passed only once it is counted.
func TestGapThoughRefused(t *testing.T) {
	d := onDisk(t, takeAll)
	s := d.only(t, func(m *Mapping) { m.Start = Latest })
	from := s.from
	d.set(true)
	if err := s.gap(); !errors.Is(err, kv.ErrDiskFull) || s.from != from {
		t.Errorf("from %d, was %d, %v", s.from, from, err)
	}
	d.set(false)
	must(t, s.gap())
	if d.status(s.m.UUID).Gaps != 1 {
		t.Error("not counted")
	}
}
