package table

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

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
	Indexes    []IndexSpec
	TTL        string // the attribute with the time to live of items; empty: none
	Class      string
	Tags       map[string]string
}

// Check returns an error if no table can have the key and the indexes of the spec
// together. Errors: ErrTooManyIndexes, *ValidationError.
func (s Spec) Check() error {
	schemas := []item.KeySchema{s.Schema}
	global := 0
	for _, x := range s.Indexes {
		if err := checkKinds(x.Schema, schemas); err != nil {
			return err
		}
		schemas = append(schemas, x.Schema)
		if !x.Local {
			global++
		}
	}
	if global > MaxGlobalIndexes {
		return ErrTooManyIndexes
	}
	return nil
}

// Create makes a table and, if the spec has a view, its stream. Errors:
// ErrExists, kv.ErrDiskFull, those of Spec.Check.
func (ts *Tables) Create(spec Spec) (Description, error) {
	ts.control.Lock()
	defer ts.control.Unlock()
	if _, err := ts.get(spec.Name); err == nil {
		return Description{}, fmt.Errorf("%w: %s", ErrExists, spec.Name)
	}
	if err := spec.Check(); err != nil {
		return Description{}, err
	}
	now := ts.opts.Now().UTC()
	id := ts.next
	d := descriptor{
		ID: id, Name: spec.Name, TableID: uuid.NewString(), Schema: spec.Schema, Created: now, Billing: spec.Billing,
		Throughput: spec.Throughput, Protected: spec.Protected, Class: spec.Class, Tags: spec.Tags,
	}
	if spec.Billing == PayPerRequest {
		d.OnDemandSince = now // of a table that becomes provisioned, this is still told
	}
	for _, x := range spec.Indexes {
		id++
		d.Indexes = append(d.Indexes, indexDescriptor{ID: id, IndexSpec: x})
	}
	if spec.TTL != "" {
		id++
		d.Expiry = &expiry{ID: id, Attribute: spec.TTL}
	}
	t := newTable(ts, d)
	b := ts.store.NewBatch()
	b.Set(nextKey, binary.BigEndian.AppendUint64(nil, id+1))
	if spec.View != "" {
		t.enable(b, spec.View)
	}
	b.Set(catalogueKey(spec.Name), t.d.encode())
	if _, err := ts.store.Commit(b); err != nil {
		return Description{}, err
	}
	// The ids are taken once they are stored; after a refused commit the next
	// table gets them. Requests find the table only now that it is durable.
	ts.next = id + 1
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

// enable adds a stream to the batch. The caller holds writes exclusively, or the
// table is new.
func (t *tableState) enable(b *kv.Batch, view stream.View) {
	t.stream = t.ts.streams.Create(b, stream.Spec{Table: t.name, Schema: t.schema, View: view, At: t.ts.opts.Now(), Shards: t.d.partitions()})
	t.d.StreamARN = t.stream.ARN()
}

// What one partition of DynamoDB serves each second.
const (
	partitionReads  = 3000
	partitionWrites = 1000
)

// partitions returns how many partitions DynamoDB gives a new table, each of which
// is a shard of its stream: four if it is on demand, else as many as serve what is
// provisioned.
func (d *descriptor) partitions() int {
	if d.Billing != Provisioned {
		return 4
	}
	units := float64(d.Throughput.Read)/partitionReads + float64(d.Throughput.Write)/partitionWrites
	return int(max(1, min(math.Ceil(units), stream.MaxOpenShards)))
}

// Drop deletes a table and its items, and closes its stream, whose records stay
// readable for their retention. It returns the description of the table as it
// was. Errors: ErrNotFound, ErrProtected.
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
	removeEntries(b, t.id)
	for _, x := range t.indexes {
		removeEntries(b, x.d.ID)
	}
	collections := kv.Prefix(kv.NewKey('t').Uint64(3).Uint64(t.id))
	b.DeleteRange(collections.Lower, collections.Upper)
	b.Delete(catalogueKey(name))
	if t.stream != nil {
		t.stream.Disable(b, ts.opts.Now())
	}
	// Get still finds the table until the commit is durable, and must not say that an
	// item is gone before: a power loss brings it back (P2).
	b.Number(1, ts.locks.noteAll)
	if _, err := ts.store.Commit(b); err != nil {
		return Description{}, err
	}
	// Writers that looked the table up before wait for its lock; gone tells them.
	// Without it their items would be stored under an id that nothing reads.
	t.gone = true
	ts.mu.Lock()
	delete(ts.byName, name)
	ts.mu.Unlock()
	return desc, nil
}

// removeEntries adds the removal of all that is stored under the id of a table
// or an index to the batch.
func removeEntries(b *kv.Batch, id uint64) {
	r := kv.Prefix(itemsPrefix(id))
	b.DeleteRange(r.Lower, r.Upper)
	b.Delete(countKey(id))
	b.Delete(backfilledKey(id))
}

func isNotFound(err error) bool { return errors.Is(err, kv.ErrNotFound) }
