package parking

import (
	"bytes"
	"testing"
)

// A parked record that is read is written as it was read.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"table":"users","stream":"arn","label":"l","sequenceNumber":"1","group":"g","error":"e","parkedAt":"2030-01-02T03:04:05Z","op":"INSERT","time":"2030-01-02T03:04:05Z","keys":{"id":{"S":"1"}},"new":{"id":{"S":"1"}}}`))
	f.Add([]byte(`{"keys":null,"new":[1e999],"sizeBytes":-1,"tries":9223372036854775807}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b)
		if err != nil {
			return
		}
		form := r.Encode()
		again, err := Decode(form)
		if err != nil || !bytes.Equal(form, again.Encode()) {
			t.Errorf("%s came back as %s: %v", b, form, err)
		}
	})
}
