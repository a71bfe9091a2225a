package parity

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// An object is a JSON object.
type object = map[string]any

// An answer is what a server said, normalised.
type answer struct {
	status  int
	kind    string // the exception without its namespace; empty for success
	message string
	body    object // of success, or the further members of an error
}

func (a answer) String() string {
	if a.kind == "" {
		return "ok"
	}
	return fmt.Sprintf("%d %s: %s", a.status, a.kind, a.message)
}

// refuses reports whether the request was refused, in whatever words.
func (a answer) refuses() bool { return a.kind != "" }

// parseAnswer reads the body of an answer.
func parseAnswer(status int, raw []byte) answer {
	a := answer{status: status}
	if err := json.Unmarshal(raw, &a.body); err != nil {
		a.kind, a.message = "NoJSON", http.StatusText(status)
		return a
	}
	if status != http.StatusOK {
		kind, _ := a.body["__type"].(string)
		a.kind = kind[strings.LastIndexByte(kind, '#')+1:]
		for _, name := range []string{"message", "Message"} {
			if text, ok := a.body[name].(string); ok {
				a.message = text
			}
			delete(a.body, name)
		}
		delete(a.body, "__type")
	}
	a.message = aliasList.ReplaceAllStringFunc(a.message, func(list string) string {
		names := strings.Split(strings.Trim(list, "{}"), ", ")
		slices.Sort(names)
		return "{" + strings.Join(names, ", ") + "}"
	})
	normalise(a.body)
	return a
}

// aliasList is the list of unused aliases in a message, which has the order of the
// request. The SDK writes them in any order.
var aliasList = regexp.MustCompile(`\{[:#][^{}]*\}`)

// volatile are members whose values are each server's own.
var volatile = map[string]bool{
	"TableArn": true, "TableId": true, "CreationDateTime": true, "LatestStreamArn": true, "LatestStreamLabel": true, "IndexArn": true,
	"LastUpdateToPayPerRequestDateTime": true, "LastDecreaseDateTime": true, "LastIncreaseDateTime": true,
}

// unordered are members whose elements have no order.
var unordered = map[string]bool{
	"AttributeDefinitions": true, "GlobalSecondaryIndexes": true, "LocalSecondaryIndexes": true, "NonKeyAttributes": true, "ConsumedCapacity": true,
}

// normalise drops and sorts what may differ, in place.
func normalise(v any) {
	switch v := v.(type) {
	case object:
		for name, member := range v {
			if volatile[name] {
				delete(v, name)
				continue
			}
			normalise(member)
			list, ok := member.([]any)
			set := len(v) == 1 && (name == "SS" || name == "NS" || name == "BS")
			if ok && (set || unordered[name]) {
				sortJSON(list)
			}
		}
		for _, list := range tablesOf(v["Responses"]) {
			if list, ok := list.([]any); ok {
				sortJSON(list)
			}
		}
	case []any:
		for _, e := range v {
			normalise(e)
		}
	}
}

// tablesOf returns the lists of items by table in the answer of BatchGetItem.
func tablesOf(responses any) object {
	o, _ := responses.(object)
	return o
}

// sortJSON sorts values, those of tables by the table's name first.
func sortJSON(list []any) {
	slices.SortFunc(list, func(a, b any) int {
		return cmp.Or(strings.Compare(tableName(a), tableName(b)), strings.Compare(text(a), text(b)))
	})
}

func tableName(v any) string {
	o, _ := v.(object)
	name, _ := o["TableName"].(string)
	return name
}

// text prints a JSON value with its members in order.
func text(v any) string {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// A difference is one place at which the answer of a peer is not ours.
type difference struct {
	peer, op     string
	where        string // "error", or the path of a member without indexes
	ours, theirs string
}

func (d difference) String() string {
	return fmt.Sprintf("%s %s at %s\n  ours:   %.400s\n  theirs: %.400s", d.peer, d.op, d.where, d.ours, d.theirs)
}

// compare lists the differences of two answers. Beside different errors it
// compares nothing.
func compare(peer, op string, ours, theirs answer) []difference {
	if a, b := ours.String(), theirs.String(); a != b {
		return []difference{{peer, op, "error", a, b}}
	}
	var out []difference
	walk("", ours.body, theirs.body, func(where string, a, b any) {
		out = append(out, difference{peer, op, seedTable.ReplaceAllString(where, "TABLE"), shown(a), shown(b)})
	})
	return out
}

// seedTable is the name of a table, which stands for all of them in paths.
var seedTable = regexp.MustCompile(`s\d+-t\d(-new)?`)

// missing stands for a member that one side lacks.
type missing struct{}

func shown(v any) string {
	if _, ok := v.(missing); ok {
		return "absent"
	}
	return text(v)
}

// walk calls fn for the smallest parts of two values that differ.
func walk(path string, a, b any, fn func(path string, a, b any)) {
	x, okX := a.(object)
	y, okY := b.(object)
	if okX && okY {
		names := maps.Clone(x)
		maps.Copy(names, y)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			walk(strings.TrimPrefix(path+"."+name, "."), member(x, name), member(y, name), fn)
		}
		return
	}
	p, okP := a.([]any)
	q, okQ := b.([]any)
	if okP && okQ && len(p) == len(q) {
		for i := range p {
			walk(path, p[i], q[i], fn)
		}
		return
	}
	if text(a) != text(b) {
		fn(path, a, b)
	}
}

func member(o object, name string) any {
	if v, ok := o[name]; ok {
		return v
	}
	return missing{}
}
