package worker

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/stream"
)

func of(item string, groups ...string) *mapped {
	m := &mapped{group: item}
	for _, g := range groups {
		m.events = append(m.events, mapping.Raised{Event: event.Event{Group: g}})
	}
	return m
}

// Events of one item stay in order, and those of a group that a definition
// names, even if items and groups meet by way of others.
func TestLanes(t *testing.T) {
	p := page{of("a", "a"), of("b", "b", "team"), of("c", "team"), of("d", "d"), of("c", "other"), of("e", "other"), of("a", "a")}
	var lanes []string
	for _, e := range p.inLanes() {
		lanes = append(lanes, e.Event.Group)
	}
	together := [][]int{{0, 7}, {1, 2, 3, 5, 6}, {4}}
	for i, lane := range lanes {
		for j, other := range lanes {
			same := false
			for _, set := range together {
				same = same || slices.Contains(set, i) && slices.Contains(set, j)
			}
			if (lane == other) != same {
				t.Errorf("events %d and %d are in %s and %s", i, j, lane, other)
			}
		}
	}
	if p[0].events[0].Event.Group != "a" {
		t.Error("the page's own events were changed")
	}
}

// What is behind a record that is parked, in a page or before it, waits.
func TestDivide(t *testing.T) {
	broken := of("b", "b")
	broken.err = errors.New("broken")
	p := page{of("a", "a"), broken, of("b", "b"), of("held", "held"), of("c", "c")}
	publish, park := p.divide(map[string]bool{"held": true})
	if d := cmp.Diff([]string{"a", "c"}, items(publish)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"b", "b", "held"}, items(park)); d != "" || !errors.Is(park[1].err, parking.ErrBehind) || errors.Is(park[0].err, parking.ErrBehind) {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"a", "b", "b", "held"}, items(p.only(park, page{p[0]}))); d != "" {
		t.Error(d)
	}
}

func items(p page) (out []string) {
	for _, m := range p {
		out = append(out, m.group)
	}
	return out
}

// However many events the records of a batch raise, a page has few of them, and the
// pages have all of the batch.
func TestPageIsBoundedByWhatItRaises(t *testing.T) {
	const records, tags = 12, 250 // 2 MB of events a record
	f, err := config.Parse("f", []byte("tables: { users: { key: id } }\nevents: { Tagged: { from: users, each: new.tags, detail: { id: '${keys.id}', text: '${new.text}' } } }\n"))
	if err != nil {
		t.Fatal(err)
	}
	var list []item.Value
	for n := range tags {
		list = append(list, item.S(strconv.Itoa(n)))
	}
	var batch []stream.Record
	for n := range records {
		r := change(strconv.Itoa(n), strconv.Itoa(n+1), 9)
		r.New = r.Keys.With("text", item.S(strings.Repeat("x", 8_000))).With("tags", item.L(list...))
		batch = append(batch, *r)
	}
	w := &tableWorker{starts: map[string]time.Time{}}
	set, raised, ids := mapping.NewSet(f.Events, mapping.Options{}), 0, ""
	for rest := batch; len(rest) > 0; {
		p, done, err := w.apply(set, rest)
		if err != nil || done == 0 {
			t.Fatal(done, err)
		}
		bytes := 0
		for _, m := range p {
			ids += m.record.Sequence() + " "
			raised += len(m.events)
			for i := range m.events {
				bytes += m.events[i].Bytes()
			}
		}
		if bytes > 2*raisedBytes {
			t.Errorf("a page of %d MB", bytes>>20)
		}
		rest = rest[done:]
	}
	if raised != records*tags || ids != "1 2 3 4 5 6 7 8 9 10 11 12 " {
		t.Errorf("%d events of %s", raised, ids)
	}
}

// Which images definitions read, wherever they do.
func TestReads(t *testing.T) {
	for text, want := range map[string]string{
		"on: insert": "", "detail: { a: '${keys.id}' }": "", "changed: a": "both", "added: a": "both", "removed: a": "both",
		"if: new.a > 1": "new", "if: old.a > 1": "old", "each: new.a": "new", "detail: { a: [ { b: 'x${old.c}' } ] }": "old",
		"time: '${new.at}'": "new", "group: '${old.g}'": "old", "resources: [ '${new.a}', '${old.a}' ]": "both", "if: '\"a\" in changed'": "both",
	} {
		f, err := config.Parse("f", []byte("tables: { users: { key: id } }\nevents: { E: { from: users, "+text+" } }\n"))
		if err != nil {
			t.Fatal(err)
		}
		after, before := reads(&f.Events[0])
		got := ""
		switch {
		case after && before:
			got = "both"
		case after:
			got = "new"
		case before:
			got = "old"
		}
		if got != want {
			t.Errorf("%s reads %q, want %q", text, got, want)
		}
		for _, v := range []stream.View{stream.KeysOnly, stream.NewImage, stream.OldImage, stream.NewAndOldImages} {
			fits := (!after || v.HasNew()) && (!before || v.HasOld())
			if (lacking(v, f.Events) == "") != fits {
				t.Errorf("%s by %s: %s", text, v, lacking(v, f.Events))
			}
		}
	}
}
