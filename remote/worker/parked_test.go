package worker

import (
	"bytes"
	"compress/gzip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/stream"
)

// What earlier versions stored is read as it was.
func TestParkedOfEarlierVersions(t *testing.T) {
	const early = `{"table":"users","stream":"arn:aws:dynamodb:eu-west-1:123456789012:table/users/stream/L","label":"L","sequenceNumber":"42","group":"users{\"id\":\"a\"}","error":"first",` +
		`"version":"v","parkedAt":"2026-01-02T03:04:05Z","op":"INSERT","time":"2026-01-02T03:04:04Z","keys":{"id":{"S":"a"}},"new":{"id":{"S":"a"}},"view":"NEW_IMAGE","eventId":"e42"}`
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	if _, err := z.Write([]byte(early)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	head := row{"error": text("event E: no"), "definition": text("E"), "tries": number(3), "parts": number(1)}
	got, err := fromRow(head, body.Bytes())
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	want := &parking.Record{
		Table: "users", Stream: "arn:aws:dynamodb:eu-west-1:123456789012:table/users/stream/L", Label: "L", Seq: "42", Group: `users{"id":"a"}`, Definition: "E", Error: "event E: no",
		Version: "v", At: at, Tries: 3, Op: "INSERT", Time: at.Add(-time.Second), Keys: []byte(`{"id":{"S":"a"}}`), New: []byte(`{"id":{"S":"a"}}`), View: stream.NewImage, EventID: "e42",
	}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
}
