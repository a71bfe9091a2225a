package transfer

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/item"
)

// Whatever a file to import holds, each of its rows is an item or says why it is
// none, and reading goes on from behind any row.
func FuzzSource(f *testing.F) {
	f.Add([]byte(`{"Item":{"id":{"S":"a"}}}`+"\n\n"+`{"Item":{"id":{"S":"b"}},"x":1}`+"\nno\n"+`{"Item":`), false, false)
	f.Add([]byte("id,n,\"a\nb\"\r\n1,2,\"x\"\"y\nz\"\n,,\n\"open,1\n"), true, false)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte("id\na\n")); err != nil || w.Close() != nil {
		f.Fatal(err)
	}
	f.Add(packed.Bytes(), true, true)
	f.Fuzz(func(t *testing.T, text []byte, csv, zipped bool) {
		name, format := "in", JSON
		if zipped {
			name = "in.gz"
		}
		if csv {
			format = CSV
		}
		kinds := map[string]item.Kind{"id": item.String, "n": item.Number, "b": item.Binary}
		src, err := newSource(bytes.NewReader(text), name, format, kinds)
		if err != nil {
			return
		}
		for {
			r, err := src.read()
			if err != nil {
				if !errors.Is(err, io.EOF) && !zipped && !strings.Contains(err.Error(), "longer") {
					t.Error(err)
				}
				return
			}
			if r.it != nil && r.bad != nil || r.bad != nil && (r.bad.err == nil || r.bad.line != r.line) {
				t.Fatalf("row %+v", r)
			}
			if r.it != nil {
				if _, err := item.DecodeBinary(item.AppendBinary(nil, r.it)); err != nil {
					t.Errorf("%q cannot be stored: %v", r.text, err)
				}
			}
			if !zipped && src.offset > int64(len(text)) {
				t.Errorf("a row ends at %d of %d", src.offset, len(text))
			}
		}
	})
}
