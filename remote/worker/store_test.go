package worker

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tablecast/tablecast/internal/awsapi/dynamodb"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/parking/parkingtest"
	"github.com/tablecast/tablecast/remote/streams"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// newStore returns the state table of a real server.
func newStore(t *testing.T) *store {
	t.Helper()
	kept := kvtest.NewMem(t)
	st, err := stream.Open(kept, stream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tables, err := table.Open(kept, st, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = awsjson.NewHTTPServer(awsjson.NewServer(awsjson.Options{Services: []awsjson.Service{dynamodb.Service(tables, "us-east-1")}}), nil)
	srv.Start()
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		srv.Close()
	})
	s := &store{name: "state", group: "g", table: "users", client: sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: &srv.URL, HTTPClient: client, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})}
	if err := streams.EnsureState(t.Context(), s.client, s.name); err != nil {
		t.Fatal(err)
	}
	return s
}

// change is the record of an item with a body of some bytes that do not shrink.
func change(id, seq string, bytes int) *stream.Record {
	body := make([]byte, bytes)
	rand.Read(body)
	it := item.MapOf(item.Field{Name: "id", Value: item.S(id)}, item.Field{Name: "body", Value: item.B(body)})
	return &stream.Record{
		Op: stream.Modify, Time: time.Unix(1_800_000_000, 0).UTC(), Keys: it[1:2], New: it, Old: it,
		Origin: &stream.Origin{ARN: "arn:aws:dynamodb:eu-west-1:123456789012:table/users/stream/2026-01-01T00:00:00.000", Table: "users", View: stream.NewAndOldImages, Sequence: seq, EventID: "e" + seq},
	}
}

func newParked(r *stream.Record, reason error, at time.Time) *parking.Record {
	p := parking.New(r, mapping.Group(r), at, reason)
	p.Version = "v"
	return p
}

// release takes records away that are in one row each.
func (s *store) release(t *testing.T, p *parking.Record, parts int) error {
	return s.commit(t.Context(), transaction{p, parts})
}

func (s *store) all(t *testing.T, group string) (out []*parking.Record) {
	t.Helper()
	if err := s.parked(t.Context(), hash(group), "", 0, func(p *parking.Record, _ int) bool { out = append(out, p); return true }); err != nil {
		t.Fatal(err)
	}
	return out
}

// Whatever its size, a record comes back as it was, in the order of numbers of
// any length.
func TestStoreKeeps(t *testing.T) {
	s := newStore(t)
	var records []*parking.Record
	var want []*stream.Record
	for i, seq := range []string{"9", "10", "123456789012345678901234567890"} {
		r := change("u", seq, []int{100, 100, 250_000}[i])
		want = append(want, r)
		records = append(records, newParked(r, errors.New("broken "+seq), time.Unix(1_900_000_000, 0)))
	}
	if err := s.park(t.Context(), []*parking.Record{records[2], records[0], records[1]}); err != nil {
		t.Fatal(err)
	}
	if err := s.park(t.Context(), records); err != nil {
		t.Fatal("again: ", err)
	}
	got := s.all(t, records[0].Group)
	for i, p := range got {
		r, err := p.Change()
		if d := cmp.Diff(want[i], r, cmp.AllowUnexported(item.Value{})); err != nil || d != "" {
			t.Errorf("%v %s", err, d)
		}
		if d := cmp.Diff(records[i], p); d != "" {
			t.Error(d)
		}
	}
	held, err := s.held(t.Context())
	if d := cmp.Diff([]heldItem{{hash(records[0].Group), records[0].Group, 3}}, held, cmp.AllowUnexported(heldItem{})); err != nil || d != "" || len(got) != 3 {
		t.Errorf("%v %s", err, d)
	}
	for i, p := range got {
		for range 2 {
			if err := s.release(t, p, []int{1, 1, 2}[i]); err != nil {
				t.Errorf("release %d: %v", i, err)
			}
		}
	}
	if out, err := s.client.Scan(t.Context(), &sdk.ScanInput{TableName: aws.String("state")}); err != nil || len(out.Items) != 0 {
		t.Errorf("rows are left: %d, %v", len(out.Items), err)
	}
}

// What was to go behind others is not kept if they have left meanwhile.
func TestStoreBehind(t *testing.T) {
	s := newStore(t)
	first, behind := newParked(change("u", "1", 9), errors.New("broken"), time.Now()), newParked(change("u", "2", 9), parking.ErrBehind, time.Now())
	if err := s.park(t.Context(), []*parking.Record{behind}); !errors.Is(err, errReleased) || len(s.all(t, behind.Group)) != 0 {
		t.Errorf("%v", err)
	}
	if err := s.park(t.Context(), []*parking.Record{first, behind}); err != nil {
		t.Error(err)
	}
	if err := s.park(t.Context(), []*parking.Record{behind}); err != nil {
		t.Errorf("kept already: %v", err)
	}
	held, err := s.held(t.Context())
	if err != nil || len(held) != 1 || held[0].n != 2 {
		t.Errorf("%v, %v", held, err)
	}
}

// Many records at once take several transactions, and parkings and releases at
// once keep the count.
func TestStoreCounts(t *testing.T) {
	s := newStore(t)
	var records []*parking.Record
	for i := range 200 {
		records = append(records, newParked(change("u", strconv.Itoa(i), 9), errors.New("broken"), time.Now()))
	}
	if err := s.park(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	more := newParked(change("u", "5000", 9), parking.ErrBehind, time.Now())
	var all sync.WaitGroup
	all.Go(func() {
		for _, p := range records[:50] {
			for s.release(t, p, 1) != nil { // the other one changed the count meanwhile
			}
		}
	})
	all.Go(func() {
		for s.park(t.Context(), []*parking.Record{more}) != nil {
		}
	})
	all.Wait()
	held, err := s.held(t.Context())
	if got := s.all(t, more.Group); err != nil || len(got) != 151 || held[0].n != 151 {
		t.Errorf("%d records, %v, %v", len(got), held, err)
	}
}

func TestParkedStore(t *testing.T) {
	parkingtest.Run(t, func(t *testing.T) parkingtest.Fixture[*transaction] {
		s := newStore(t)
		return parkingtest.Fixture[*transaction]{
			Store: &shelf{store: s},
			Park:  func(records ...*parking.Record) error { return s.park(t.Context(), records) },
			Commit: func(add func(*transaction) error) error {
				var tx transaction
				if err := add(&tx); err != nil {
					return err
				}
				return s.commit(t.Context(), tx)
			},
			Held: func(r *parking.Record) (bool, error) {
				items, err := s.held(t.Context())
				return slices.ContainsFunc(items, func(h heldItem) bool { return h.group == r.Group }), err
			},
			Damage: func(r *parking.Record) error {
				bad := key(s.parkedKey(hash(r.Group)), place(r))
				bad["body"], bad["parts"] = &types.AttributeValueMemberB{Value: []byte("?")}, number(1)
				_, err := s.client.PutItem(t.Context(), &sdk.PutItemInput{TableName: &s.name, Item: bad})
				return err
			},
		}
	})
}

// Records that a worker parks ahead of those which were read, since its lease
// moved, are read as well; what stays is read once.
func TestShelfReadsWhatComesAhead(t *testing.T) {
	s := newStore(t)
	park := func(seqs ...string) {
		t.Helper()
		var records []*parking.Record
		for _, seq := range seqs {
			records = append(records, newParked(change("u", seq, 9), errors.New("broken"), time.Now()))
		}
		if err := s.park(t.Context(), records); err != nil {
			t.Fatal(err)
		}
	}
	park("5", "7", "9")
	shelf := &shelf{store: s}
	var last *parking.Record
	next := func(want string) {
		t.Helper()
		page, _, err := shelf.Page(t.Context(), last, 1)
		got := ""
		if len(page) == 1 {
			last = page[0]
			got = last.Seq
		}
		if err != nil || got != want {
			t.Errorf("read %q, want %q; %v", got, want, err)
		}
	}
	next("5")
	if err := s.release(t, last, 1); err != nil {
		t.Fatal(err)
	}
	park("3")
	next("3") // and stays
	next("7")
	park("11")
	next("9")
	next("11")
	next("")
}

// A reason of any length is parked with its record: a schema may complain of each of
// an item's names.
func TestStoreKeepsLongReasons(t *testing.T) {
	s := newStore(t)
	p := newParked(change("u", "9", 250_000), errors.New(strings.Repeat("é", 300_000)), time.Unix(1_900_000_000, 0))
	if err := s.park(t.Context(), []*parking.Record{p}); err != nil {
		t.Fatal(err)
	}
	p.Blame(errors.New("x" + strings.Repeat("é", 300_000)))
	if err := s.keep(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if got := s.all(t, p.Group); len(got) != 1 || got[0].Error != p.Error {
		t.Errorf("%d records", len(got))
	}
}

// Operators who release records of one item at once do not disturb each other.
func TestStoreReleasesAtOnce(t *testing.T) {
	s := newStore(t)
	for round := range 10 {
		var records []*parking.Record
		for i := range 3 {
			records = append(records, newParked(change("u", strconv.Itoa(10*round+i+1), 9), errors.New("broken"), time.Now()))
		}
		if err := s.park(t.Context(), records); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for _, r := range append(records, records...) {
			all.Go(func() {
				if err := s.release(t, r, 1); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if held, err := s.held(t.Context()); err != nil || len(held) != 0 {
			t.Fatalf("%+v %v", held, err)
		}
	}
}
