package handler_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"go.uber.org/goleak"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/remote/eventbridge"
	"github.com/tablecast/tablecast/remote/handler"
	"github.com/tablecast/tablecast/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const file = `
tables:
  users:  { key: id, stream: new-and-old-images }
  outbox: { key: id, stream: new-and-old-images }
mapping: { envelope: metadata }
outbox: { outbox: { source: src, detail-type: kind, payload: body, after: delete } }
events:
  UserCreated: { from: users, on: insert, source: app, detail: { id: "${new.id}", email: "${new.email}" } }
  UserLeft:    { from: users, on: remove, source: app, detail: { id: "${keys.id}" } }
  UserExpired: { from: users, on: expire, source: app, detail: { id: "${keys.id}" } }
`

// A bridge is the client of a bus that says of each entry what becomes of it.
type bridge struct {
	refuse func(detail string) string // error code; empty: accepted
	taken  []string                   // details, in order
}

func (b *bridge) PutEvents(_ context.Context, in *sdk.PutEventsInput, _ ...func(*sdk.Options)) (*sdk.PutEventsOutput, error) {
	out := &sdk.PutEventsOutput{}
	for _, e := range in.Entries {
		if code := b.refuse(*e.Detail); code != "" {
			out.FailedEntryCount++
			out.Entries = append(out.Entries, types.PutEventsResultEntry{ErrorCode: &code, ErrorMessage: aws.String("so it is")})
			continue
		}
		b.taken = append(b.taken, *e.DetailType+" "+*e.Detail)
		out.Entries = append(out.Entries, types.PutEventsResultEntry{EventId: aws.String("x")})
	}
	return out, nil
}

func newHandler(t *testing.T, do func(*handler.Options)) (*handler.Handler, *bridge) {
	t.Helper()
	f, err := config.Parse("tablecast.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	b := &bridge{refuse: func(string) string { return "" }}
	o := handler.Options{
		File: f, Publisher: eventbridge.New(eventbridge.Options{Client: b}),
		Delete: func(context.Context, string, string, *stream.Record) error { return errors.New("no") },
	}
	if do != nil {
		do(&o)
	}
	h, err := handler.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h, b
}

const arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/users/stream/2030-01-01T00:00:00.000"

func inserted(seq int, id string, more string) string {
	return fmt.Sprintf(`{"eventID":"e%d","eventName":"INSERT","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"eu-west-1","dynamodb":{"ApproximateCreationDateTime":1893456000.5,
		"Keys":{"id":{"S":%q}},"NewImage":{"id":{"S":%[2]q}%s},"SequenceNumber":"%[1]d00000000000000000000","SizeBytes":26,"StreamViewType":"NEW_AND_OLD_IMAGES"},"eventSourceARN":%[4]q}`, seq, id, more, arn)
}

func email(s string) string { return fmt.Sprintf(`,"email":{"S":%q}`, s) }

func batch(records ...string) []byte {
	return []byte(`{"Records":[` + strings.Join(records, ",") + `]}`)
}

func reports(seq int) string {
	return fmt.Sprintf(`{"batchItemFailures":[{"itemIdentifier":"%d00000000000000000000"}]}`, seq)
}

const fine = `{"batchItemFailures":[]}`

func handles(t *testing.T, h *handler.Handler, payload []byte, want string) {
	t.Helper()
	if got, err := h.Handle(t.Context(), payload); err != nil || string(got) != want {
		t.Errorf("answered %s, %v, want %s", got, err, want)
	}
}

// has fails unless the details of the events that were taken contain the texts,
// in order.
func (b *bridge) has(t *testing.T, texts ...string) {
	t.Helper()
	if len(b.taken) != len(texts) {
		t.Errorf("took %q, want %q", b.taken, texts)
		return
	}
	for i, text := range texts {
		if !strings.Contains(b.taken[i], text) {
			t.Errorf("took %q, want %q", b.taken[i], text)
		}
	}
}

// A batch raises the events that the same records raise anywhere, with the same
// ids.
func TestBatch(t *testing.T) {
	h, b := newHandler(t, nil)
	handles(t, h, batch(inserted(1, "ada", email("a@x")), inserted(2, "grace", email("g@x"))), fine)
	b.has(t, `"data":{"id":"ada","email":"a@x"}`, `"id":"grace"`)
	id := event.DeterministicID(arn, "100000000000000000000", "UserCreated", "0")
	if !strings.Contains(b.taken[0], `"eventId":"`+id+`"`) || !strings.Contains(b.taken[0], `"table":"users"`) || !strings.Contains(b.taken[0], `"time":"2030-01-01T00:00:00.5Z"`) {
		t.Errorf("took %s, want the id %s", b.taken[0], id)
	}
	handles(t, h, []byte(`{"Records":[]}`), fine)
}

// Who removed an item decides between a removal and an expiry, in each spelling.
func TestExpiry(t *testing.T) {
	h, b := newHandler(t, nil)
	removed := strings.NewReplacer("INSERT", "REMOVE", "NewImage", "OldImage").Replace(inserted(1, "ada", ""))
	by := func(member string) string {
		return strings.Replace(removed, `"eventSourceARN"`, `"userIdentity":{"type":"Service","`+member+`":"dynamodb.amazonaws.com"},"eventSourceARN"`, 1)
	}
	handles(t, h, batch(removed, by("principalId"), by("PrincipalId")), fine)
	b.has(t, "UserLeft ", "UserExpired ", "UserExpired ")
}

// What cannot be mapped, or is rejected for good, is reported; what comes before
// it is published, and of what cannot be mapped nothing behind it.
func TestPoison(t *testing.T) {
	h, b := newHandler(t, nil)
	handles(t, h, batch(inserted(1, "ada", email("a@x")), inserted(2, "poison", ""), inserted(3, "grace", email("g@x"))), reports(2))
	b.has(t, `"id":"ada"`)

	h, b = newHandler(t, nil)
	b.refuse = func(detail string) string {
		if strings.Contains(detail, "bad@x") {
			return "MalformedDetail"
		}
		return ""
	}
	handles(t, h, batch(inserted(1, "ada", email("a@x")), inserted(2, "eve", email("bad@x")), inserted(3, "eve", email("e@x"))), reports(2))
	b.has(t, `"id":"ada"`) // the later event of the group was not sent
}

// While the bus takes nothing, the answer still comes before the deadline, and
// reports the first record whose events it has not.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, b := newHandler(t, nil)
		b.refuse = func(detail string) string {
			if strings.Contains(detail, "grace") {
				return "ThrottlingException"
			}
			return ""
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		got, err := h.Handle(ctx, batch(inserted(1, "ada", email("a@x")), inserted(2, "grace", email("g@x")), inserted(3, "alan", email("t@x"))))
		if err != nil || string(got) != reports(2) || ctx.Err() != nil {
			t.Errorf("answered %s, %v", got, err)
		}
		if slices.ContainsFunc(b.taken, func(s string) bool { return strings.Contains(s, "grace") }) {
			t.Errorf("took %q", b.taken)
		}
	})
}

// A mapping that does not read reports gets the failure of the whole batch.
func TestFail(t *testing.T) {
	h, _ := newHandler(t, func(o *handler.Options) { o.Fail = true })
	if _, err := h.Handle(t.Context(), batch(inserted(1, "ada", email("a@x")), inserted(2, "poison", ""))); err == nil || !strings.Contains(err.Error(), "email") {
		t.Errorf("%v", err)
	}
	handles(t, h, batch(inserted(1, "ada", email("a@x"))), fine)
}

// A pipe's batch is answered with envelopes, and fails as a whole.
func TestEnrichment(t *testing.T) {
	h, b := newHandler(t, nil)
	got, err := h.Handle(t.Context(), []byte("["+inserted(1, "ada", email("a@x"))+"]"))
	for _, want := range []string{`"detail-type":"UserCreated"`, `"source":"app"`, `"account":"111122223333"`, `"region":"eu-west-1"`, `"data":{"id":"ada","email":"a@x"}`} {
		if err != nil || !strings.HasPrefix(string(got), "[{") || !strings.Contains(string(got), want) {
			t.Errorf("answered %s, %v, want %s", got, err, want)
		}
	}
	handles(t, h, []byte(" []"), "[]")
	if _, err := h.Handle(t.Context(), []byte("["+inserted(1, "poison", "")+"]")); err == nil {
		t.Error("a record that cannot be mapped was answered")
	}
	b.has(t)
}

// The items of an outbox are deleted after their events are accepted; what cannot
// be deleted is reported.
func TestOutbox(t *testing.T) {
	var deleted []string
	var refuse error
	h, b := newHandler(t, func(o *handler.Options) {
		o.Tables = map[string]string{"stack-Outbox-1X": "outbox"}
		o.Delete = func(_ context.Context, region, table string, r *stream.Record) error {
			id, _ := r.Keys.Get("id")
			deleted = append(deleted, region+" "+table+" "+id.Str())
			return refuse
		}
	})
	message := strings.ReplaceAll(inserted(1, "m1", `,"src":{"S":"shop"},"kind":{"S":"Paid"},"body":{"M":{"n":{"N":"1"}}}`), "table/users", "table/stack-Outbox-1X")
	handles(t, h, batch(message), fine)
	b.has(t, `Paid `)
	if !slices.Equal(deleted, []string{"eu-west-1 stack-Outbox-1X m1"}) {
		t.Errorf("deleted %q", deleted)
	}
	refuse = errors.New("no")
	handles(t, h, batch(message), reports(1))
	b.refuse = func(string) string { return "MalformedDetail" }
	handles(t, h, batch(message), reports(1))
	if len(deleted) != 2 {
		t.Errorf("deleted %q", deleted)
	}
}

// What is no batch, and tables that the file does not have, fail the invocation.
func TestRefusals(t *testing.T) {
	h, b := newHandler(t, nil)
	for payload, want := range map[string]error{
		`{"Records":[{}]}`: handler.ErrPayload, `{"Records":1}`: handler.ErrPayload, `"x"`: handler.ErrPayload, ``: handler.ErrPayload,
		string(batch(strings.ReplaceAll(inserted(1, "ada", ""), "table/users", "table/others"))): handler.ErrTable,
	} {
		if _, err := h.Handle(t.Context(), []byte(payload)); !errors.Is(err, want) {
			t.Errorf("%.100s: %v, want %v", payload, err, want)
		}
	}
	handles(t, h, batch(strings.Replace(inserted(1, "ada", email("a@x")), "INSERT", "UPSERT", 1)), reports(1))
	handles(t, h, batch(strings.ReplaceAll(inserted(1, "ada", email("a@x")), arn, "arn:aws:kinesis:x")), reports(1))
	b.has(t)
	f, err := config.Parse("tablecast.yaml", []byte("tables: { users: { key: id } }\nfunctions: { say: { handler: say.mjs } }\nevents: { Said: { from: users, mapper: say } }\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := handler.New(handler.Options{File: f}); err == nil || !strings.Contains(err.Error(), "only a node can ask") {
		t.Errorf("%v", err)
	}
	if f, err = config.Parse("tablecast.yaml", []byte(file)); err != nil {
		t.Fatal(err)
	}
	if _, err := handler.New(handler.Options{File: f}); err == nil || !strings.Contains(err.Error(), "say after: keep") {
		t.Errorf("%v", err)
	}
}
