package eventsource

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/parking/parkingtest"
	"github.com/tablecast/tablecast/stream"
)

func TestParkedStore(t *testing.T) {
	parkingtest.Run(t, func(t *testing.T) parkingtest.Fixture[*kv.Batch] {
		s := newParked(kvtest.NewMem(t), "uuid")
		commit := func(b *kv.Batch) error {
			_, err := s.Store.Commit(b)
			return err
		}
		return parkingtest.Fixture[*kv.Batch]{
			Store: s, Mapping: "uuid",
			Park: func(records ...*parking.Record) error {
				b := s.Store.NewBatch()
				s.Put(b, records)
				return commit(b)
			},
			Commit: func(add func(*kv.Batch) error) error {
				b := s.Store.NewBatch()
				if err := add(b); err != nil {
					return err
				}
				return commit(b)
			},
			Held:   func(r *parking.Record) (bool, error) { return s.holds(string(r.Keys)) },
			Damage: func(r *parking.Record) error { return parkingtest.DamageRow(&s.Rows, r) },
		}
	})
}

// What earlier versions stored, the record as the function sees it, is read as a
// parked record, and what the function is given of it is the same, byte for byte.
func TestParkedOfEarlierVersions(t *testing.T) {
	const early = `{"eventID":"0a1b","eventName":"MODIFY","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"us-east-1","dynamodb":{"ApproximateCreationDateTime":1800000000,` +
		`"Keys":{"id":{"S":"a<é"}},"NewImage":{"id":{"S":"a<é"},"n":{"N":"1"}},"OldImage":{"id":{"S":"a<é"}},"SequenceNumber":"100000000000000000042","SizeBytes":30,"StreamViewType":"NEW_AND_OLD_IMAGES"},` +
		`"userIdentity":{"type":"Service","principalId":"dynamodb.amazonaws.com"},"eventSourceARN":"arn:aws:dynamodb:us-east-1:000000000000:table/users/stream/L"}`
	s := newParked(kvtest.NewMem(t), "uuid")
	b := s.Store.NewBatch()
	b.Set(itemPrefix("uuid", `{"id":{"S":"a<é"}}`).Uint64(42), []byte(`{"reason":"no luck","at":"2026-01-02T03:04:05Z","record":`+early+`}`))
	b.Set(itemPrefix("uuid", `{"id":{"S":"a<é"}}`).Uint64(43), []byte(`{"reason":"an earlier change of the item is parked","at":"2026-01-02T03:04:05Z","record":`+strings.Replace(early, "00042", "00043", 1)+`}`))
	if _, err := s.Store.Commit(b); err != nil {
		t.Fatal(err)
	}
	page, _, err := s.Page(t.Context(), nil, 10)
	if err != nil || len(page) != 2 || page[0].Behind || !page[1].Behind {
		t.Fatalf("%+v %v", page, err)
	}
	want := &parking.Record{
		Table: "users", Stream: "arn:aws:dynamodb:us-east-1:000000000000:table/users/stream/L", Label: "L", Seq: "100000000000000000042", Group: `users{"id":"a<é"}`, Mapping: "uuid",
		Error: "no luck", At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Op: "MODIFY", Expired: true, Time: time.Unix(1_800_000_000, 0).UTC(),
		Keys: []byte(`{"id":{"S":"a<é"}}`), New: []byte(`{"id":{"S":"a<é"},"n":{"N":"1"}}`), Old: []byte(`{"id":{"S":"a<é"}}`),
		View: stream.NewAndOldImages, EventID: "0a1b", Size: 30,
	}
	if d := cmp.Diff(want, page[0]); d != "" {
		t.Error(d)
	}
	change, err := page[0].Change()
	must(t, err)
	if d := cmp.Diff(early, string(AppendRecord(nil, change, "us-east-1"))); d != "" {
		t.Error(d)
	}
	if key, there, err := s.Find(page[0]); err != nil || !there {
		t.Errorf("%x is not where it was: %v", key, err)
	}
}

// A record is handed to the function that the mapping has now, or to the one that
// failed on it.
func TestRedriveOriginal(t *testing.T) {
	sick := true
	w := start(t, func([]change, *event) (string, error) {
		if sick {
			return "", errFail
		}
		return "", nil
	}, Options{})
	w.put("a", 0)
	w.put("b", 0)
	m := w.mapped(nil)
	w.settled(m.UUID, 2)
	w.mu.Lock()
	sick, w.called = false, nil
	w.mu.Unlock()
	_, err := w.Update(m.UUID, func(s *Settings) { s.Function = "g" })
	must(t, err)
	w.await("the other function", func() bool { s := w.status(m.UUID); return s.State == Enabled && s.Function == "g" })
	for id, original := range map[string]bool{"a": false, "b": true} {
		sel := parking.Selection{Key: item.MapOf(item.Field{Name: "id", Value: item.S(id)})}
		if out, err := w.Redrive(t.Context(), m.UUID, sel, original, func(parking.Redriven) {}); err != nil || out.Records != 1 {
			t.Errorf("%+v %v", out, err)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.called)
	if fmt.Sprint(w.called) != "[f g]" {
		t.Errorf("functions %v", w.called)
	}
}

// A record that is read again after a crash, since the checkpoint had not passed
// it, keeps the reason for which it was parked, and is counted once.
func TestParkedOnce(t *testing.T) {
	block := true
	h := func(changes []change, _ *event) (string, error) {
		if changes[0].id == "bad" || block {
			return "", errFail
		}
		return "", nil
	}
	fs := kvtest.NewCrashFS(1)
	w := open(t, fs, h, Options{})
	w.create()
	m := w.mapped(func(m *Mapping) { m.OnError, m.BatchSize, m.Parallel, m.MaxRetry, m.Enabled = Park, 1, 10, 0, false })
	w.put("good", 0)
	w.put("bad", 0)
	r, err := w.find(m.UUID)
	must(t, err)
	all := w.users().Shards()
	for _, info := range all { // parks what is bad by hand, and passes nothing
		s, err := r.open(w.users(), info)
		must(t, err)
		page, err := w.users().ReadShard(info.ID, s.from, 10, 1<<20)
		must(t, err)
		s.enqueue(page.Records)
		for _, rec := range s.pending {
			if rec.item == `{"id":{"S":"bad"}}` {
				s.pending = slices.Insert(s.pending, 0, &record{seq: 1}) // one before it that is not done with
				must(t, s.parkFailed([]*record{rec}, errors.New("first")))
			}
		}
	}
	w.mu.Lock()
	block = false
	w.mu.Unlock()
	_, err = w.Update(m.UUID, func(s *Settings) { s.Enabled = true })
	must(t, err)
	w.await("enabled", func() bool { return w.status(m.UUID).State == Enabled })
	w.await("all of the stream dealt with", func() bool { return w.caughtUp(m.UUID) })
	if parked := w.parked(m.UUID); len(parked) != 1 || parked[0].Error != "first" || w.status(m.UUID).Parked != 1 {
		t.Errorf("%+v, %+v", parked, w.status(m.UUID).Counts)
	}
}

// What functions are given of a record is read back as the record it was.
func TestRecordReadBack(t *testing.T) {
	w := open(t, vfs.NewMem(), nil, Options{})
	w.create()
	w.put("<a>\u2028", 1)
	w.put("<a>\u2028", 2)
	page, err := w.users().Read(0, 10, 1<<20)
	must(t, err)
	for i := range page.Records {
		want := AppendRecord(nil, &page.Records[i], "eu-west-1")
		r, err := parseRecord(want)
		must(t, err)
		if d := cmp.Diff(string(want), string(AppendRecord(nil, r, "eu-west-1"))); d != "" {
			t.Error(d)
		}
	}
	if _, err := parseRecord([]byte(`{"eventSourceARN":"none"}`)); err == nil {
		t.Error("a record without a stream was read")
	}
}

// What a function answers may be cut within a character, or be no text at all; its
// record is parked, and the mapping tells, all the same.
func TestReasonThatIsNoText(t *testing.T) {
	for _, message := range []string{strings.Repeat("é", 600), "a" + strings.Repeat("é", 600), "\xff"} {
		w := start(t, takeAll, Options{})
		w.opts.Invoke = func(context.Context, string, []byte) (process.Result, error) {
			return process.Result{FunctionError: "Unhandled", Payload: []byte(message)}, nil
		}
		w.put("a", 1)
		m := w.mapped(nil)
		w.settled(m.UUID, 1)
		if p := w.parked(m.UUID); len(p) != 1 || !utf8.ValidString(p[0].Error) {
			t.Errorf("%+v", p)
		}
		if s := w.status(m.UUID); !utf8.ValidString(s.Result) {
			t.Errorf("%q", s.Result)
		}
		if out := w.redrive(m.UUID); out.Failed != 1 {
			t.Errorf("%+v", out)
		}
	}
}
