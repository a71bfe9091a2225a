package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// A tailRecord is a change record as tail prints it.
type tailRecord struct {
	Event   string         `json:"event"`
	Seq     string         `json:"sequenceNumber"`
	Time    time.Time      `json:"time"`
	Keys    map[string]any `json:"keys"`
	New     map[string]any `json:"new,omitempty"`
	Old     map[string]any `json:"old,omitempty"`
	Changed []string       `json:"changed,omitempty"`
	Expired bool           `json:"expired,omitzero"`

	view types.StreamViewType
}

func newTailRecord(r types.Record) tailRecord {
	d := r.Dynamodb
	c := tailRecord{
		Event: string(r.EventName), Seq: *d.SequenceNumber, Time: d.ApproximateCreationDateTime.UTC(), view: d.StreamViewType,
		Keys: wireItem(d.Keys), New: wireItem(d.NewImage), Old: wireItem(d.OldImage),
		Expired: r.UserIdentity != nil,
	}
	if c.view == types.StreamViewTypeNewAndOldImages {
		for _, name := range c.names() {
			if c.mark(name) != ' ' {
				c.Changed = append(c.Changed, name)
			}
		}
	}
	return c
}

// names returns the attributes of both images.
func (c *tailRecord) names() []string {
	all := map[string]any{}
	maps.Copy(all, c.Old)
	maps.Copy(all, c.New)
	return slices.Sorted(maps.Keys(all))
}

// mark returns + for an attribute that was added, - for one that was removed, ~ for
// one that changed, and a space if only one image is known.
func (c *tailRecord) mark(name string) byte {
	was, had := c.Old[name]
	is, has := c.New[name]
	switch {
	case c.view != types.StreamViewTypeNewAndOldImages:
		return ' '
	case !had:
		return '+'
	case !has:
		return '-'
	case text(was) != text(is):
		return '~'
	}
	return ' '
}

func wireItem(item map[string]types.AttributeValue) map[string]any {
	if item == nil {
		return nil
	}
	out := make(map[string]any, len(item))
	for name, v := range item {
		out[name] = wireValue(v)
	}
	return out
}

// wireValue returns a value as DynamoDB writes it in JSON. Sets are sorted, so
// that equal values are equal texts.
func wireValue(v types.AttributeValue) any {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}
	case *types.AttributeValueMemberB:
		return map[string]any{"B": v.Value}
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": v.Value}
	case *types.AttributeValueMemberNULL:
		return map[string]any{"NULL": v.Value}
	case *types.AttributeValueMemberSS:
		return map[string]any{"SS": slices.Sorted(slices.Values(v.Value))}
	case *types.AttributeValueMemberNS:
		return map[string]any{"NS": slices.Sorted(slices.Values(v.Value))}
	case *types.AttributeValueMemberBS:
		var set []string
		for _, b := range v.Value {
			set = append(set, base64.StdEncoding.EncodeToString(b))
		}
		slices.Sort(set)
		return map[string]any{"BS": set}
	case *types.AttributeValueMemberL:
		list := []any{}
		for _, e := range v.Value {
			list = append(list, wireValue(e))
		}
		return map[string]any{"L": list}
	case *types.AttributeValueMemberM:
		return map[string]any{"M": wireItem(v.Value)}
	}
	return nil
}

// text writes a value of wireValue without its types, in printable characters.
func text(v any) string {
	m, _ := v.(map[string]any)
	for kind, v := range m {
		switch v := v.(type) {
		case string:
			if kind == "N" {
				return v
			}
			return strconv.Quote(v)
		case []byte:
			return "b" + strconv.Quote(base64.StdEncoding.EncodeToString(v))
		case bool:
			if kind == "NULL" {
				return "null"
			}
			return strconv.FormatBool(v)
		case []string:
			return kind + fmt.Sprintf("%q", v)
		case []any:
			return joined("[", "]", v, text)
		case map[string]any:
			return joined("{", "}", slices.Sorted(maps.Keys(v)), func(name string) string { return strconv.Quote(name) + ":" + text(v[name]) })
		}
	}
	return "?"
}

func joined[T any](open, closing string, all []T, write func(T) string) string {
	parts := make([]string, len(all))
	for i, v := range all {
		parts[i] = write(v)
	}
	return open + strings.Join(parts, ",") + closing
}

const (
	maxColumn = 40 // characters of a value before it is cut
	absent    = "·"
)

// colours of the marks, for terminals.
var colours = map[byte]string{'+': "\x1b[32m", '-': "\x1b[31m", '~': "\x1b[33m"}

// writeText writes a change as a heading and a line for each attribute.
func writeText(w io.Writer, c tailRecord, colour bool) error {
	var b strings.Builder
	event := c.Event
	if c.Expired {
		event += " (expired)"
	}
	fmt.Fprintf(&b, "%s %s %s %s\n", c.Time.Format(time.RFC3339), event, joined("", "", slices.Sorted(maps.Keys(c.Keys)), func(name string) string {
		return printable(name) + "=" + text(c.Keys[name])
	}), c.Seq)
	width, column := 0, 0
	for _, name := range c.names() {
		width = max(width, utf8.RuneCountInString(printable(name)))
		if c.Old != nil {
			column = max(column, utf8.RuneCountInString(cut(c.Old, name)))
		}
	}
	for _, name := range c.names() {
		mark := c.mark(name)
		line := fmt.Sprintf("  %c %s", mark, pad(printable(name), width))
		if c.Old != nil {
			line += "  " + pad(cut(c.Old, name), column)
		}
		if c.New != nil {
			line += "  " + cut(c.New, name)
		}
		line = strings.TrimRight(line, " ")
		if code := colours[mark]; colour && code != "" {
			line = code + line + "\x1b[0m"
		}
		b.WriteString(line + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printable returns a name, quoted if a terminal would not show it as it is.
func printable(name string) string {
	if q := strconv.Quote(name); q != `"`+name+`"` {
		return q
	}
	return name
}

func cut(image map[string]any, name string) string {
	v, ok := image[name]
	if !ok {
		return absent
	}
	if r := []rune(text(v)); len(r) > maxColumn {
		return string(r[:maxColumn-1]) + "…"
	}
	return text(v)
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}
