package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// manyDefinitions is how many definitions of a table the figures are for.
const manyDefinitions = 100

// mappings measures what it takes to map one change of about 600 bytes, for d
// each: by a path that changed, by a condition in CEL, and by the first of a
// hundred definitions with different guards.
func mappings(d time.Duration) error {
	guarded, err := mappingSet(`changed: email`, 1)
	if err != nil {
		return err
	}
	conditioned, err := mappingSet(`if: new.email != old.email && new.visits > 41`, 1)
	if err != nil {
		return err
	}
	many, err := mappingSet(`changed: email`, manyDefinitions)
	if err != nil {
		return err
	}
	r, text, closing, err := mappingRecord()
	if err != nil {
		return err
	}
	apply := func(s *mapping.Set) func() error {
		return func() error {
			events, err := s.Apply(r, func(string) bool { return true })
			if err == nil && len(events) != 1 {
				err = fmt.Errorf("%d events", len(events))
			}
			return err
		}
	}
	one, err1 := each(d, apply(guarded))
	cel, err2 := each(d, apply(conditioned))
	all, err3 := each(d, apply(many))
	floor, err4 := each(d, func() error {
		var v struct{ Keys, NewImage, OldImage map[string]any }
		return json.Unmarshal(text, &v)
	})
	if err := errors.Join(err1, err2, err3, err4, closing()); err != nil {
		return err
	}
	row("map a change, a path / json.Unmarshal", one.String(), floor.String(), ratio(one, floor), "<= 0.5")
	row("map a change, a condition / json.Unmarshal", cel.String(), floor.String(), ratio(cel, floor), "<= 0.5")
	row(fmt.Sprintf("map a change, %d definitions / 1", manyDefinitions), all.String(), one.String(), ratio(all, one), "<= 3")
	return nil
}

// mappingSet returns definitions of which the first has the guard and raises an
// event.
func mappingSet(guard string, n int) (*mapping.Set, error) {
	src := "tables: { users: { key: id, entities: { Other: { id: \"OTHER#{n}\" } } } }\nevents:\n  E0: { from: users, " + guard +
		", detail: { id: \"${new.id}\", was: \"${old.email}\", is: \"${new.email}\", city: \"${new.address.city}\", visits: \"${new.visits}\" } }\n"
	for i := 1; i < n; i++ {
		switch i % 3 {
		case 0:
			src += fmt.Sprintf("  E%d: { from: users, changed: attribute%d }\n", i, i)
		case 1:
			src += fmt.Sprintf("  E%d: { from: users, entity: Other, if: \"new.n == %d\" }\n", i, i)
		default:
			src += fmt.Sprintf("  E%d: { from: users, match: { new: { username: [ user%d ] } } }\n", i, i)
		}
	}
	f, err := config.Parse("bench", []byte(src))
	if err != nil {
		return nil, err
	}
	return mapping.NewSet(f.Events, f.Mapping("users")), nil
}

// mappingRecord returns a change whose images take about 600 bytes of wire JSON,
// with that text.
func mappingRecord() (r *stream.Record, text []byte, closing func() error, err error) {
	image := func(mail string) item.Item {
		field := func(name, value string) item.Field { return item.Field{Name: name, Value: item.S(value)} }
		return item.MapOf(field("id", "user-000001"), field("username", "ada"), field("email", mail), field("birthdate", "1815-12-10"),
			field("avatar", "https://avatars.example.com/0123456789012345678901234567890123456789/ada.png"), item.Field{Name: "visits", Value: item.NumOf(42).Value()},
			item.Field{Name: "address", Value: item.M(item.MapOf(field("city", "London")))})
	}
	store, err := kv.Open("data", kv.Options{FS: vfs.NewMem()})
	if err != nil {
		return nil, nil, nil, err
	}
	streams, err := stream.Open(store, stream.Options{})
	if err != nil {
		return nil, nil, nil, errors.Join(err, store.Close())
	}
	b := store.NewBatch()
	st := streams.Create(b, stream.Spec{Table: "users", Schema: item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}, View: stream.NewAndOldImages, At: time.Now()})
	if _, err := store.Commit(b); err != nil {
		return nil, nil, nil, errors.Join(err, store.Close())
	}
	r = &stream.Record{Stream: st, Seq: 7, Op: stream.Modify, Time: time.Now(), Old: image("ada@example.com"), New: image("lovelace@example.com")}
	r.Keys = st.Schema().Project(r.New)
	text = fmt.Appendf(nil, `{"Keys":%s,"NewImage":%s,"OldImage":%s}`, item.AppendJSON(nil, r.Keys), item.AppendJSON(nil, r.New), item.AppendJSON(nil, r.Old))
	return r, text, store.Close, nil
}
