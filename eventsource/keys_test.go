package eventsource

import (
	"context"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// Items of any key are parked, held, also after a restart, redriven, and flow again.
func TestParkedItemsOfAnyKey(t *testing.T) {
	for name, key := range map[string]item.Item{
		"number":  pair(item.NumOf(10).Value(), item.S("x")),
		"text":    pair(item.S("\u2028<&>\x00\x7f\"\\/é😀\ufffd"), item.S("{\"S\":\"a\"}")),
		"no text": pair(item.S("a\xff"), item.S("\xfe")),
		"binary":  pair(item.B([]byte{0, 255, 62}), item.B([]byte("?>"))),
	} {
		t.Run(name, func(t *testing.T) { parkedItems(t, key) })
	}
}

// pair is a key whose range attribute comes first by name.
func pair(hash, rng item.Value) item.Item {
	return item.MapOf(item.Field{Name: "z", Value: hash}, item.Field{Name: "a", Value: rng})
}

func parkedItems(t *testing.T, key item.Item) {
	w := open(t, vfs.NewMem(), takeAll, Options{})
	hash, _ := key.Get("z")
	rng, _ := key.Get("a")
	_, err := w.tables.Create(table.Spec{
		Name: "odd", Schema: item.KeySchema{Hash: item.KeyAttr{Name: "z", Kind: hash.Kind()}, Range: item.KeyAttr{Name: "a", Kind: rng.Kind()}}, View: stream.NewAndOldImages,
	})
	must(t, err)
	var mu sync.Mutex
	fails := true
	w.opts.Invoke = func(context.Context, string, []byte) (process.Result, error) {
		mu.Lock()
		defer mu.Unlock()
		if fails {
			return process.Result{FunctionError: "Unhandled", Payload: []byte("{}")}, nil
		}
		return process.Result{}, nil
	}
	put := func(n int64) {
		_, err := w.tables.Put(t.Context(), table.PutRequest{Table: "odd", Item: key.With("n", item.NumOf(n).Value())})
		must(t, err)
	}
	put(1)
	m, err := w.Create(Mapping{Stream: w.streams.OfTable("odd")[0].ARN(), Start: TrimHorizon, Settings: func() Settings { s := Defaults(); s.Function = "f"; return s }()})
	must(t, err)
	w.settled(m.UUID, 1)
	r, err := w.find(m.UUID)
	must(t, err)
	must(t, r.held.load(r.parked)) // as a restart does
	put(2)
	if s := w.settled(m.UUID, 2); s.Parked != 2 {
		t.Errorf("%+v", s)
	}
	mu.Lock()
	fails = false
	mu.Unlock()
	out, err := w.Redrive(t.Context(), m.UUID, parking.Selection{Key: key}, false, func(parking.Redriven) {})
	if err != nil || out != (parking.Redriven{Records: 2}) {
		t.Errorf("%+v %v", out, err)
	}
	put(3)
	if s := w.settled(m.UUID, 3); s.Delivered != 1 || len(w.parked(m.UUID)) != 0 {
		t.Errorf("%+v", s)
	}
}
