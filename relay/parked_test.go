package relay

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/parking/parkingtest"
)

func TestParkedStore(t *testing.T) {
	parkingtest.Run(t, func(t *testing.T) parkingtest.Fixture[*kv.Batch] {
		s := newParked(kvtest.NewMem(t), "users")
		return parkingtest.Fixture[*kv.Batch]{
			Store: &walk{parked: s},
			Park: func(records ...*parking.Record) error {
				n, err := s.held(records[0].Group)
				if err != nil {
					return err
				}
				b := s.Store.NewBatch()
				s.park(b, records, map[string]uint64{records[0].Group: n + uint64(len(records))})
				_, err = s.Store.Commit(b)
				return err
			},
			Commit: func(add func(*kv.Batch) error) error {
				b := s.Store.NewBatch()
				if err := add(b); err != nil {
					return err
				}
				_, err := s.Store.Commit(b)
				return err
			},
			Held: func(r *parking.Record) (bool, error) {
				n, err := s.held(r.Group)
				return n > 0, err
			},
			Damage: func(r *parking.Record) error { return parkingtest.DamageRow(&s.Rows, r) },
		}
	})
}

// What earlier versions stored, without the view and the size of the change, is
// read as it was.
func TestParkedOfEarlierVersions(t *testing.T) {
	s := newParked(kvtest.NewMem(t), "users")
	b := s.Store.NewBatch()
	b.Set(kv.NewKey('p').String("users").Uint64(42).Uint64(0), []byte(`{"table":"users","stream":"arn:aws:dynamodb:us-east-1:000000000000:table/users/stream/L","label":"L","sequenceNumber":"100000000000000000042",`+
		`"group":"users{\"id\":\"a\"}","definition":"E","error":"event E: no","version":"1","parkedAt":"2026-01-02T03:04:05Z","tries":2,"op":"MODIFY","time":"2026-01-02T03:04:04.5Z",`+
		`"keys":{"id":{"S":"a"}},"new":{"id":{"S":"a"},"n":{"N":"1"}},"old":{"id":{"S":"a"}}}`))
	if _, err := s.Store.Commit(b); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	want := []*parking.Record{{
		Table: "users", Stream: "arn:aws:dynamodb:us-east-1:000000000000:table/users/stream/L", Label: "L", Seq: "100000000000000000042", Group: `users{"id":"a"}`,
		Definition: "E", Error: "event E: no", Version: "1", At: at, Tries: 2, Op: "MODIFY", Time: at.Add(-500 * time.Millisecond),
		Keys: []byte(`{"id":{"S":"a"}}`), New: []byte(`{"id":{"S":"a"},"n":{"N":"1"}}`), Old: []byte(`{"id":{"S":"a"}}`),
	}}
	got, _, err := s.Page(t.Context(), nil, 10)
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
}
