package event

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

func full() *Event {
	return &Event{ID: "i", Source: "s", DetailType: "d", Account: "a", Region: "r", ReplayName: "n", Group: "g", Resources: []string{"x", ""}, Detail: []byte(`{"a": [1, "b c"]}`), Time: time.Unix(1_900_000_000, 5).UTC(), Forwarded: true}
}

// A stored event that is read is written as it was read.
func FuzzBinary(f *testing.F) {
	f.Add(full().AppendBinary(nil))
	f.Add((&Event{}).AppendBinary(nil))
	f.Add([]byte{formVersion, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := DecodeBinary(b)
		if err != nil {
			return
		}
		again, err := DecodeBinary(e.AppendBinary(nil))
		if err != nil || !reflect.DeepEqual(e, again) {
			t.Errorf("%+v came back as %+v: %v", e, again, err)
		}
	})
}

// An envelope that is read is JSON again when it is written, and reads the same.
func FuzzParse(f *testing.F) {
	f.Add(full().AppendJSON(nil))
	f.Add([]byte(`{"id":"","detail-type":"\ud800","source":"","account":"","time":"0000-01-01T00:00:00+14:00","region":"","detail":{"a":1,"a":2}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Parse(b)
		if err != nil {
			return
		}
		form := e.AppendJSON(nil)
		again, err := Parse(form)
		if err != nil || !jsontext.Value(form).IsValid(jsontext.AllowDuplicateNames(true)) || !bytes.Equal(form, again.AppendJSON(nil)) {
			t.Errorf("%s came back as %s: %v", b, form, err)
		}
	})
}
