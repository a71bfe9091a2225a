package table

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
)

// A Spec describes a new table.
type Spec struct {
	Name       string
	Schema     item.KeySchema
	View       stream.View // empty: no stream
	Billing    Billing
	Throughput Throughput
	Protected  bool
}

// Create makes a table and, if the spec has a view, its stream. Errors:
// ErrExists, kv.ErrDiskFull.
func (ts *Tables) Create(spec Spec) (Description, error) {
	ts.control.Lock()
	defer ts.control.Unlock()
	if _, err := ts.get(spec.Name); err == nil {
		return Description{}, fmt.Errorf("%w: %s", ErrExists, spec.Name)
	}
	now := ts.opts.Now().UTC()
	t := newTable(ts, descriptor{
		ID: ts.next, Name: spec.Name, TableID: newTableID(), Schema: spec.Schema, Created: now,
		Billing: spec.Billing, Throughput: spec.Throughput, Protected: spec.Protected,
	})
	b := ts.store.NewBatch()
	b.Set(nextKey, binary.BigEndian.AppendUint64(nil, ts.next+1))
	if spec.View != "" {
		t.enable(b, spec.View)
	}
	b.Set(catalogueKey(spec.Name), t.d.encode())
	if _, err := ts.store.Commit(b); err != nil {
		return Description{}, err
	}
	ts.next++
	ts.mu.Lock()
	ts.byName[spec.Name] = t
	ts.mu.Unlock()
	return t.describe(), nil
}

func (d *descriptor) encode() []byte {
	b, err := json.Marshal(d)
	if err != nil {
		panic(fmt.Sprintf("table: descriptor: %v", err)) // plain data always marshals
	}
	return b
}

// enable adds a stream to the batch. The caller keeps writers out.
func (t *Table) enable(b *kv.Batch, view stream.View) {
	t.stream = t.ts.streams.Create(b, stream.Spec{Table: t.name, Schema: t.schema, View: view, At: t.ts.opts.Now()})
	t.d.StreamARN = t.stream.ARN()
}

// Drop deletes a table, its items, and closes its stream, whose records stay
// readable for their retention. It returns what the table was. Errors:
// ErrNotFound, ErrProtected.
func (ts *Tables) Drop(name string) (Description, error) {
	ts.control.Lock()
	defer ts.control.Unlock()
	t, err := ts.get(name)
	if err != nil {
		return Description{}, err
	}
	t.writes.Lock()
	defer t.writes.Unlock()
	if t.d.Protected {
		return Description{}, fmt.Errorf("%w: %s", ErrProtected, name)
	}
	desc := t.describe()
	b := ts.store.NewBatch()
	b.UseReserve()
	items := kv.Prefix(itemsPrefix(t.id))
	b.DeleteRange(items.Lower, items.Upper)
	b.Delete(countKey(t.id))
	b.Delete(catalogueKey(name))
	if t.stream != nil {
		t.stream.Disable(b, ts.opts.Now())
	}
	if _, err := ts.store.Commit(b); err != nil {
		return Description{}, err
	}
	t.gone = true
	ts.mu.Lock()
	delete(ts.byName, name)
	ts.mu.Unlock()
	return desc, nil
}

// A Change of a table's settings; nil fields stay as they are.
type Change struct {
	Stream     *StreamChange
	Billing    *Billing
	Throughput *Throughput
	Protected  *bool
}

// A StreamChange turns a table's stream on, with the view, or off.
type StreamChange struct {
	Enabled bool
	View    stream.View
}

// Update changes the settings of a table. A stream that is turned on again is a
// new stream. Errors: ErrNotFound, *ValidationError.
func (ts *Tables) Update(name string, c Change) (Description, error) {
	ts.control.Lock()
	defer ts.control.Unlock()
	t, err := ts.get(name)
	if err != nil {
		return Description{}, err
	}
	t.writes.Lock()
	defer t.writes.Unlock()
	before, beforeStream := t.d, t.stream
	if err := t.check(c); err != nil {
		return Description{}, err
	}
	b := ts.store.NewBatch()
	if c.Billing != nil {
		t.d.Billing = *c.Billing
	}
	if c.Throughput != nil {
		t.d.Throughput = *c.Throughput
	}
	if c.Protected != nil {
		t.d.Protected = *c.Protected
	}
	switch {
	case c.Stream == nil:
	case c.Stream.Enabled:
		t.enable(b, c.Stream.View)
	default:
		t.stream.Disable(b, ts.opts.Now())
		t.stream = nil
	}
	b.Set(catalogueKey(name), t.d.encode())
	if _, err := ts.store.Commit(b); err != nil {
		t.d, t.stream = before, beforeStream
		return Description{}, err
	}
	return t.describe(), nil
}

func (t *Table) check(c Change) error {
	if c.Stream == nil {
		return nil
	}
	if c.Stream.Enabled && t.stream != nil {
		return invalid("Table already has an enabled stream: TableName: %s", t.name)
	}
	if !c.Stream.Enabled && t.stream == nil {
		return invalid("Table has no stream to disable: TableName: %s", t.name)
	}
	return nil
}

// newTableID returns a random UUID.
func newTableID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0F|0x40, b[8]&0x3F|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func isNotFound(err error) bool { return errors.Is(err, kv.ErrNotFound) }
