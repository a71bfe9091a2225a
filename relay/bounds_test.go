package relay

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/table"
)

// spreading raises an event with the item's text for each tag of an item.
func spreading(t testing.TB) mapping.Definition {
	t.Helper()
	tags, err := mapping.Scope{}.Collection("new.tags")
	if err != nil {
		t.Fatal(err)
	}
	text, err := mapping.Scope{Each: true}.Text("${each} ${new.text}")
	if err != nil {
		t.Fatal(err)
	}
	return mapping.Definition{
		Name: "Tagged", Table: "users", On: []mapping.Kind{mapping.Insert}, Source: "test", Bus: "default",
		Each: tags, Detail: mapping.Object([]string{"text"}, []*mapping.Template{text}),
	}
}

// putTagged puts a user with a text and so many tags.
func (f *folder) putTagged(n, tags int) {
	f.t.Helper()
	var list []item.Value
	for i := range tags {
		list = append(list, item.S(fmt.Sprint("tag", i)))
	}
	user := item.MapOf(item.Field{Name: "id", Value: item.S(user(n))}, item.Field{Name: "text", Value: item.S(strings.Repeat("x", 9_000))}, item.Field{Name: "tags", Value: item.L(list...)})
	if _, err := f.tables.Put(f.t.Context(), table.PutRequest{Table: "users", Item: user}); err != nil {
		f.t.Fatal(err)
	}
}

// A measuring sink keeps nothing but the marks, and notes the largest batch.
type measuring struct {
	*folder
	events, largest int
}

func (m *measuring) take(ctx context.Context, events []mapping.Raised, mark func(*kv.Batch)) error {
	bytes := 0
	for i := range events {
		bytes += events[i].Bytes()
	}
	m.events, m.largest = m.events+len(events), max(m.largest, bytes)
	return m.keep(ctx, nil, mark)
}

// However many events the changes of one page raise, a batch has few of them: a page
// of small items that raise hundreds of megabytes takes no more memory than others.
func TestPageIsBoundedByWhatItRaises(t *testing.T) {
	const items, tags = 24, 300 // 2.8 MB of events an item
	f := newFolder(t)
	m := &measuring{folder: f}
	r := f.relay(Options{Sink: m.take}, spreading(t))
	for n := range items {
		f.putTagged(n, tags)
	}
	drain(t, r)
	if m.events != items*tags || m.largest > 2*raisedBytes {
		t.Errorf("%d events, and a batch of %d MB", m.events, m.largest>>20)
	}
	m.events, m.largest = 0, 0
	r = f.relay(Options{Sink: m.take}, spreading(t))
	runs(t, r, func() {
		if _, err := r.StartBackfill(t.Context(), "Tagged", "run", 0); err != nil {
			t.Fatal(err)
		}
		await(t, r, func(s Status) bool { return s.Backfill == "" })
	})
	if m.events != items*tags || m.largest > 2*raisedBytes {
		t.Errorf("backfill: %d events, and a batch of %d MB", m.events, m.largest>>20)
	}
	all, err := Backfills(f.store, "users")
	if err != nil || len(all) != 1 || !all[0].Done || all[0].Items != items || all[0].Events != items*tags {
		t.Errorf("%+v, %v", all, err)
	}
}

// A change that raises more than a batch can have is parked with the reason, and the
// changes around it raise their events.
func TestTooLargeChangeIsParked(t *testing.T) {
	f := newFolder(t)
	m := &measuring{folder: f}
	r := f.relay(Options{Sink: m.take}, spreading(t))
	f.putTagged(0, 2)
	f.putTagged(1, 4_000)
	f.putTagged(2, 2)
	drain(t, r)
	parked := f.parked()
	if m.events != 4 || len(parked) != 1 || !strings.Contains(parked[0].Error, "the change raises more than 32 MiB; leave large attributes out") {
		t.Errorf("%d events, %+v", m.events, parked)
	}
}
