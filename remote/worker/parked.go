package worker

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/relay"
	"github.com/tablecast/tablecast/stream"
)

// errBehind is why records are parked of whose item an earlier one is.
var errBehind = errors.New("an earlier change of the item is parked")

// A Parked record was put aside: the whole change, and why. Its Backfill and N
// are empty.
type Parked struct {
	relay.Parked
	View    stream.View `json:"view"`
	EventID string      `json:"eventId"`

	parts int // rows that hold it
}

func newParked(r *stream.Record, version string, err error, now time.Time) *Parked {
	p := &Parked{View: r.View(), EventID: r.EventID(), Parked: relay.Parked{
		Table: r.Table(), Stream: r.ARN(), Label: label(r.ARN()), Seq: r.Sequence(), Group: mapping.Group(r), Version: version, At: now.UTC(),
		Op: r.Op.String(), Expired: r.Expired, Time: r.Time, Keys: wire(r.Keys), New: wire(r.New), Old: wire(r.Old),
	}}
	p.blame(err)
	return p
}

// blame sets why the record is parked.
func (p *Parked) blame(err error) {
	p.Error, p.Definition, p.Behind = err.Error(), "", errors.Is(err, errBehind)
	var unmapped *mapping.Error
	if errors.As(err, &unmapped) {
		p.Definition = unmapped.Definition
	}
}

func wire(image item.Item) jsontext.Value {
	if image == nil {
		return nil
	}
	return item.AppendJSON(nil, image)
}

// record returns the change.
func (p *Parked) record() (*stream.Record, error) {
	r := &stream.Record{Time: p.Time, Expired: p.Expired, Origin: &stream.Origin{
		ARN: p.Stream, Table: p.Table, View: p.View, Sequence: p.Seq, EventID: p.EventID,
	}}
	for op := stream.Insert; op <= stream.Remove; op++ {
		if op.String() == p.Op {
			r.Op = op
		}
	}
	var err error
	for _, image := range []struct {
		text jsontext.Value
		to   *item.Item
	}{{p.Keys, &r.Keys}, {p.New, &r.New}, {p.Old, &r.Old}} {
		if image.text != nil {
			err = errors.Join(err, json.Unmarshal(image.text, image.to))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("worker: parked record %s of %s: %w", p.Seq, p.Table, err)
	}
	return r, nil
}

// label returns the label at the end of a stream's ARN, which is the time at
// which the stream was enabled.
func label(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// hash is an item's name in keys.
func hash(group string) string {
	sum := sha256.Sum256([]byte(group))
	return hex.EncodeToString(sum[:16])
}

// digits is the length of a sequence number in keys.
const digits = 40

// place is where the record stands among those of its item.
func (p *Parked) place() string {
	return p.Label + "#" + strings.Repeat("0", max(digits-len(p.Seq), 0)) + p.Seq
}

// pack returns the record as bytes.
func (p *Parked) pack() ([]byte, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("worker: parked record: %w", err)
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err = z.Write(text)
	err = errors.Join(err, z.Close())
	return out.Bytes(), err
}

// maxRecord is the most bytes that a packed record may have: both images of an
// item, of at most 400 KB each, in JSON.
const maxRecord = 16 << 20

// unpack is the inverse of pack.
func unpack(b []byte) (*Parked, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("worker: parked record: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(z, maxRecord))
	p := &Parked{}
	if err == nil {
		err = json.Unmarshal(text, p)
	}
	if err != nil {
		return nil, fmt.Errorf("worker: parked record: %w", err)
	}
	return p, nil
}
