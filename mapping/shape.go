package mapping

import (
	"time"

	"github.com/tablecast/tablecast/event"
)

// An Envelope is the form in which a detail holds its data.
type Envelope string

// The envelopes. Metadata is {"metadata": {…}, "data": {…}}; CloudEvents is the
// structured form of CloudEvents 1.0 (github.com/cloudevents/spec).
const (
	Bare        Envelope = "bare" // the data itself; the default
	Metadata    Envelope = "metadata"
	CloudEvents Envelope = "cloudevents"
)

// A Shape is how details are written.
type Shape struct {
	Envelope Envelope
	// QuoteNumbers writes the numbers of items and expressions as strings.
	QuoteNumbers bool
	// Correlation and Causation are paths to the attributes whose texts are the
	// correlation and causation ids. The default is none.
	Correlation, Causation *Path
}

// wrap puts data into the envelope.
func (s *Shape) wrap(c *change, e *event.Event, data []byte) []byte {
	switch s.Envelope {
	case Metadata:
		return append(append(s.metadata(c, e), data...), '}')
	case CloudEvents:
		return append(append(s.cloudEvent(c, e), data...), '}')
	}
	return data
}

// metadata writes the envelope up to the data. docs/mapping.md has its schema.
func (s *Shape) metadata(c *change, e *event.Event) []byte {
	dst := quote(append([]byte(nil), `{"metadata":{"eventId":`...), e.ID)
	dst = optional(dst, `,"correlationId":`, c.id(s.Correlation))
	dst = optional(dst, `,"causationId":`, c.id(s.Causation))
	dst = quote(append(dst, `,"table":`...), c.record.Table())
	dst = optional(dst, `,"entity":`, c.entity)
	dst = quote(append(dst, `,"op":`...), string(c.kind))
	dst = quote(append(dst, `,"sequenceNumber":`...), c.seq)
	dst = quote(append(dst, `,"mappingVersion":`...), c.set.opts.Version)
	dst = optional(dst, `,"backfill":`, c.run)
	dst = quote(append(dst, `,"time":`...), e.Time.UTC().Format(time.RFC3339Nano))
	return append(dst, `},"data":`...)
}

// cloudEvent writes the envelope up to the data; the names of extensions are
// lower-case, as the specification has it.
func (s *Shape) cloudEvent(c *change, e *event.Event) []byte {
	dst := quote(append([]byte(nil), `{"specversion":"1.0","id":`...), e.ID)
	dst = quote(append(dst, `,"source":`...), e.Source)
	dst = quote(append(dst, `,"type":`...), e.DetailType)
	dst = quote(append(dst, `,"time":`...), e.Time.UTC().Format(time.RFC3339Nano))
	dst = quote(append(dst, `,"subject":`...), e.Group)
	dst = append(dst, `,"datacontenttype":"application/json"`...)
	dst = optional(dst, `,"correlationid":`, c.id(s.Correlation))
	dst = optional(dst, `,"causationid":`, c.id(s.Causation))
	dst = quote(append(dst, `,"table":`...), c.record.Table())
	dst = optional(dst, `,"entity":`, c.entity)
	dst = quote(append(dst, `,"op":`...), string(c.kind))
	dst = quote(append(dst, `,"sequencenumber":`...), c.seq)
	dst = quote(append(dst, `,"mappingversion":`...), c.set.opts.Version)
	dst = optional(dst, `,"backfill":`, c.run)
	return append(dst, `,"data":`...)
}

// optional appends a member that is left out if it is empty.
func optional(dst []byte, name, text string) []byte {
	if text == "" {
		return dst
	}
	return quote(append(dst, name...), text)
}

// id returns the text that stands at a path; empty if there is none.
func (c *change) id(p *Path) string {
	if p == nil {
		return ""
	}
	if v, ok := p.value(c.best()); ok {
		return v.Str()
	}
	return ""
}
