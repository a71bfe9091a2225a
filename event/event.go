// Package event holds the business event: the envelope that a bus accepts,
// matches and delivers, its limits, its identity, and its written forms.
//
// # Envelope
//
// What rules match and targets receive is the JSON object
//
//	{"version":"0","id":…,"detail-type":…,"source":…,"account":…,"time":…,
//	 "region":…,["replay-name":…,]"resources":[…],"detail":{…}}
//
// in that order, compact, with the time cut to whole seconds.
//
// # Binary form
//
//	form number (1 byte), time in nanoseconds (8 bytes), then the texts
//	id, source, detail-type, account, region, replay name, group, trace header,
//	detail, and the count and texts of the resources; counts and lengths are
//	unsigned varints.
//
// Source of names and limits: Amazon EventBridge API reference, PutEvents, and
// user guide, "Event structure".
package event

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Limits of events.
const (
	MaxDetailType = 128     // characters of a detail-type
	MaxSource     = 256     // characters of a source
	MaxPutSize    = 1 << 20 // bytes of all entries of one PutEvents, see Size
	MaxPutEntries = 10      // entries of one PutEvents
)

// An Event is one business event. It is plain data: who holds it may read it,
// and nobody changes it after it was accepted by a bus.
type Event struct {
	ID         string
	Source     string
	DetailType string
	Account    string
	Region     string
	Time       time.Time
	Resources  []string
	Detail     []byte // a JSON object
	ReplayName string // set on replayed events only

	// Group names what the event is in order with: by default the item whose
	// change raised it. It is not part of the envelope.
	Group string
	// Trace is the X-Ray trace header. It is not part of the envelope.
	Trace string
}

// Size returns what the event counts against the limit of PutEvents: 14 bytes
// if timed says that its sender gave a time, and the bytes of source,
// detail-type, detail and resources.
func (e *Event) Size(timed bool) int {
	n := len(e.Source) + len(e.DetailType) + len(e.Detail)
	if timed {
		n += 14
	}
	for _, r := range e.Resources {
		n += len(r)
	}
	return n
}

const timeLayout = "2006-01-02T15:04:05Z"

// AppendJSON appends the envelope to dst.
func (e *Event) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"version":"0"`...)
	dst = appendMember(dst, "id", e.ID)
	dst = appendMember(dst, "detail-type", e.DetailType)
	dst = appendMember(dst, "source", e.Source)
	dst = appendMember(dst, "account", e.Account)
	dst = appendMember(dst, "time", e.Time.UTC().Format(timeLayout))
	dst = appendMember(dst, "region", e.Region)
	if e.ReplayName != "" {
		dst = appendMember(dst, "replay-name", e.ReplayName)
	}
	dst = append(dst, `,"resources":[`...)
	for i, r := range e.Resources {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst, _ = jsontext.AppendQuote(dst, r)
	}
	dst = append(dst, `],"detail":`...)
	dst = append(dst, e.Detail...)
	return append(dst, '}')
}

func appendMember(dst []byte, name, value string) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	dst = append(dst, '"', ':')
	dst, _ = jsontext.AppendQuote(dst, value)
	return dst
}

// ErrEnvelope says that JSON is not an envelope: it is malformed, or it lacks
// one of id, account, source, time, region or detail-type.
var ErrEnvelope = errors.New("event: not an event envelope")

// Parse reads an envelope. Resources and detail may be missing.
func Parse(b []byte) (*Event, error) {
	var w struct {
		ID         *string        `json:"id"`
		DetailType *string        `json:"detail-type"`
		Source     *string        `json:"source"`
		Account    *string        `json:"account"`
		Time       *string        `json:"time"`
		Region     *string        `json:"region"`
		ReplayName string         `json:"replay-name"`
		Resources  []string       `json:"resources"`
		Detail     jsontext.Value `json:"detail"`
	}
	if err := json.Unmarshal(b, &w, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	for _, f := range []struct {
		name string
		v    *string
	}{{"id", w.ID}, {"account", w.Account}, {"source", w.Source}, {"time", w.Time}, {"region", w.Region}, {"detail-type", w.DetailType}} {
		if f.v == nil {
			return nil, fmt.Errorf("%w: %s is missing", ErrEnvelope, f.name)
		}
	}
	at, err := time.Parse(time.RFC3339, *w.Time)
	if err != nil {
		return nil, fmt.Errorf("%w: time: %w", ErrEnvelope, err)
	}
	return &Event{
		ID: *w.ID, DetailType: *w.DetailType, Source: *w.Source, Account: *w.Account, Region: *w.Region,
		Time: at, ReplayName: w.ReplayName, Resources: w.Resources, Detail: w.Detail,
	}, nil
}
