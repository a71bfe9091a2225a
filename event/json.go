package event

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// AppendJSON appends the envelope to dst. The detail must be valid JSON.
func (e *Event) AppendJSON(dst []byte) []byte {
	dst = slices.Grow(dst, e.sizeHint())
	dst = append(dst, `{"version":"0","id":`...)
	dst = appendString(dst, e.ID)
	dst = append(dst, `,"detail-type":`...)
	dst = appendString(dst, e.DetailType)
	dst = append(dst, `,"source":`...)
	dst = appendString(dst, e.Source)
	dst = append(dst, `,"account":`...)
	dst = appendString(dst, e.Account)
	dst = append(dst, `,"time":"`...)
	dst = e.Time.UTC().AppendFormat(dst, "2006-01-02T15:04:05Z")
	dst = append(dst, `","region":`...)
	dst = appendString(dst, e.Region)
	if e.ReplayName != "" {
		dst = append(dst, `,"replay-name":`...)
		dst = appendString(dst, e.ReplayName)
	}
	dst = append(dst, `,"resources":[`...)
	for i, r := range e.Resources {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, r)
	}
	dst = append(dst, `],"detail":`...)
	dst = appendCompact(dst, e.Detail)
	return append(dst, '}')
}

// sizeHint estimates how many bytes the envelope or the stored form takes.
func (e *Event) sizeHint() int {
	n := 256 + len(e.Source) + len(e.DetailType) + len(e.Detail) + len(e.Trace)
	for _, r := range e.Resources {
		n += len(r) + 3
	}
	return n
}

// appendString appends s as a JSON string; bytes that are not UTF-8 become the
// replacement character.
func appendString(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}

// appendCompact appends valid JSON without the white space between its tokens.
func appendCompact(dst, src []byte) []byte {
	if bytes.IndexByte(src, ' ') < 0 && bytes.IndexByte(src, '\n') < 0 && bytes.IndexByte(src, '\t') < 0 && bytes.IndexByte(src, '\r') < 0 {
		return append(dst, src...)
	}
	quoted := false
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case quoted && c == '\\' && i+1 < len(src):
			dst = append(dst, c, src[i+1])
			i++
			continue
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\n' || c == '\t' || c == '\r'):
			continue
		}
		dst = append(dst, src[i])
	}
	return dst
}

// envelope is the JSON form as it is read.
type envelope struct {
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

// missing names the first required member that is absent.
func (v *envelope) missing() string {
	names := [...]string{"id", "detail-type", "source", "account", "time", "region"}
	for i, p := range [...]*string{v.ID, v.DetailType, v.Source, v.Account, v.Time, v.Region} {
		if p == nil {
			return names[i]
		}
	}
	return ""
}

// Parse reads an envelope, as a webhook, a function or a message of a queue
// carries it. Resources and detail may be absent, unknown members are ignored.
// It fails with ErrEnvelope, or with ErrDetail if only the detail is at fault.
// The event does not share memory with b.
func Parse(b []byte) (*Event, error) {
	var in envelope
	if err := json.Unmarshal(b, &in, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	if name := in.missing(); name != "" {
		return nil, fmt.Errorf("%w: %s is missing", ErrEnvelope, name)
	}
	t, err := time.Parse(time.RFC3339, *in.Time)
	if err != nil {
		return nil, fmt.Errorf("%w: time %q", ErrEnvelope, *in.Time)
	}
	e := &Event{
		ID: *in.ID, DetailType: *in.DetailType, Source: *in.Source, Account: *in.Account, Region: *in.Region,
		Time: t.UTC(), ReplayName: in.ReplayName, Detail: in.Detail,
	}
	if len(in.Resources) > 0 {
		e.Resources = in.Resources
	}
	if e.Detail != nil {
		err = CheckDetail(e.Detail)
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// CheckDetail fails with ErrDetail unless b is one JSON object whose objects
// and arrays nest at most MaxDetailDepth deep. Duplicate names are allowed. It
// takes memory only for the depth.
func CheckDetail(b []byte) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(b), jsontext.AllowDuplicateNames(true))
	if dec.PeekKind() != '{' {
		return ErrDetail
	}
	// The depth comes first: it bounds the recursion of ReadValue.
	if depth(b) > MaxDetailDepth {
		return fmt.Errorf("%w: nested deeper than %d", ErrDetail, MaxDetailDepth)
	}
	if _, err := dec.ReadValue(); err != nil {
		return fmt.Errorf("%w: %w", ErrDetail, err)
	}
	if len(bytes.TrimLeft(b[dec.InputOffset():], " \t\r\n")) > 0 {
		return fmt.Errorf("%w: more follows the object", ErrDetail)
	}
	return nil
}

// depth returns how deep the objects and arrays of a JSON text nest; of a text
// that is not JSON it returns any number.
func depth(b []byte) (deepest int) {
	open, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			open++
			deepest = max(deepest, open)
		case c == '}' || c == ']':
			open--
		}
	}
	return deepest
}
