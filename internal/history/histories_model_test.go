package history

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// modelKeys is how many items there may be: those of few partitions, so that
// histories meet the same item again and again.
const modelKeys = 9

// A row is an item as the model has it. Its key is its place in the table.
type row struct {
	status string // empty: the item has no such attribute
	n      int    // -1: the item has no such attribute
}

func pk(key int) string { return fmt.Sprintf("c%d", key%3) }
func sk(key int) int    { return key / 3 }

// text returns how answers and events show an item.
func (r row) text(key int) string {
	return fmt.Sprintf("%s/%d status=%s n=%d", pk(key), sk(key), r.status, r.n)
}

// A news is an event as the model has it.
type news struct {
	source, kind string
	key          int // of the item; -1 for events that clients put
	n            int // -1: the detail has none
	text         string
}

// A modelRule is a rule with its targets.
type modelRule struct {
	pattern  int
	disabled bool
	targets  map[int]bool
}

// A model is what a node with one table and one bus must do and hold. It knows
// nothing of shards, indexes, pages, batches or crashes.
type model struct {
	rows      map[int]row
	variant   int // of the file's events
	rules     map[int]*modelRule
	changes   map[int][]string // what became of each item, change by change
	bus       []news
	delivered map[string][]news // by rule and target
	branches  map[string]int
}

func newModel() *model {
	return &model{rows: map[int]row{}, changes: map[int][]string{}, rules: map[int]*modelRule{}, delivered: map[string][]news{}, branches: map[string]int{}}
}

// Answers beside those that show items.
const (
	answerOK        = "ok"
	answerUnmet     = "ConditionalCheckFailedException"
	answerDuplicate = "DuplicateItemException"
	answerNoRule    = "ResourceNotFoundException"
	answerInUse     = "ValidationException"
)

// do does an action and returns the answer to it.
func (m *model) do(a action) string {
	out := m.answer(a)
	branch := out
	if i := strings.IndexAny(branch, " ["); i >= 0 {
		branch = branch[:i]
	}
	m.branches[a.op+": "+branch]++
	return out
}

func (m *model) answer(a action) string {
	switch a.op {
	case "PutItem", "UpdateItem", "DeleteItem":
		old, was := m.rows[a.key]
		if !m.holds(a) {
			return answerUnmet
		}
		m.write(a)
		if now, is := m.rows[a.key]; a.op == "UpdateItem" {
			return shown(now, is, a.key)
		}
		return shown(old, was, a.key)
	case "GetItem":
		now, is := m.rows[a.key]
		return shown(now, is, a.key)
	case "BatchWriteItem":
		for _, one := range a.parts {
			m.write(one)
		}
		return answerOK
	case "TransactWriteItems":
		return m.transact(a)
	case "BatchGetItem", "TransactGetItems":
		return m.list(func(key int, _ row) bool {
			return slices.ContainsFunc(a.parts, func(one action) bool { return one.key == key })
		})
	case "Insert", "Update", "Delete", "Select":
		return m.statement(a)
	case "Query":
		return m.list(func(key int, r row) bool { return pk(key) == pk(a.key) && r.n >= a.n })
	case "QueryIndex":
		return m.list(func(_ int, r row) bool { return r.status == a.status && r.status != "" && r.n >= 0 })
	case "QueryMany":
		return m.list(func(key int, r row) bool {
			return pk(key) == pk(a.key) && r.status == a.status && r.status != "" && r.n >= a.n
		})
	case "Scan":
		return m.list(func(int, row) bool { return true })
	case "Expire":
		if r, is := m.rows[a.key]; is && r == (row{a.status, a.n}) { // the time to live is a change, too
			m.changes[a.key] = append(m.changes[a.key], m.rows[a.key].text(a.key))
		}
		m.set(a.key, row{a.status, a.n})
		m.remove(a.key, "Expired")
		return answerOK
	case "Reload":
		m.variant = a.n
		return answerOK
	case "Rotate", "Split", "Restart", "PowerLoss":
		return answerOK
	}
	return m.answerNews(a)
}

// answerNews does the actions on the bus.
func (m *model) answerNews(a action) string {
	r := m.rules[a.key]
	switch a.op {
	case "PutEvents":
		var out []string
		for _, one := range a.parts {
			out = append(out, m.put(one))
		}
		return strings.Join(out, " ")
	case "PutRule":
		if r == nil {
			r = &modelRule{targets: map[int]bool{}}
			m.rules[a.key] = r
		}
		r.pattern, r.disabled = a.n, false
		return answerOK
	case "DeleteRule":
		if r != nil && len(r.targets) > 0 {
			return answerInUse
		}
		delete(m.rules, a.key)
		return answerOK
	}
	if r == nil {
		return answerNoRule
	}
	switch a.op {
	case "PutTargets":
		r.targets[a.n] = true
	case "RemoveTargets":
		delete(r.targets, a.n)
	case "EnableRule", "DisableRule":
		r.disabled = a.op == "DisableRule"
	}
	return answerOK
}

// put accepts an entry of PutEvents.
func (m *model) put(a action) string {
	switch a.op {
	case "malformed":
		return "MalformedDetail"
	case "unsourced":
		return "InvalidArgument"
	case "nowhere":
		return answerOK // and lost, as EventBridge loses it
	}
	m.raise(news{source: "app", kind: fmt.Sprintf("T%d", a.n%3), key: -1, n: a.n, text: fmt.Sprintf("app id=%d n=%d", a.want, a.n)})
	return answerOK
}

// transact makes all parts or none.
func (m *model) transact(a action) string {
	var reasons []string
	met := true
	for _, one := range a.parts {
		reason := "None"
		if !m.holds(one) {
			reason, met = "ConditionalCheckFailed", false
		}
		reasons = append(reasons, reason)
	}
	if !met {
		return "TransactionCanceledException " + strings.Join(reasons, " ")
	}
	for _, one := range a.parts {
		m.write(one)
	}
	return answerOK
}

// statement executes a PartiQL statement.
func (m *model) statement(a action) string {
	r, is := m.rows[a.key]
	switch {
	case a.op == "Select":
		return m.list(func(key int, _ row) bool { return pk(key) == pk(a.key) })
	case a.op == "Insert" && is:
		return answerDuplicate
	case a.op == "Insert":
		m.set(a.key, row{a.status, a.n})
	case a.op == "Update" && !is:
		return answerUnmet
	case a.op == "Update":
		m.set(a.key, row{r.status, a.n})
	case is:
		m.remove(a.key, "Removed")
	}
	return answerOK
}

// holds reports whether an action's condition does.
func (m *model) holds(a action) bool {
	r, is := m.rows[a.key]
	switch a.condition {
	case "exists":
		return is
	case "absent":
		return !is
	case "equal":
		return is && r.n == a.want
	}
	return true
}

// write makes a put, an update or a removal. A check writes nothing.
func (m *model) write(a action) {
	r, is := m.rows[a.key]
	if !is {
		r.n = -1
	}
	switch a.op {
	case "PutItem":
		m.set(a.key, row{a.status, a.n})
	case "DeleteItem":
		if is {
			m.remove(a.key, "Removed")
		}
	case "UpdateItem":
		switch {
		case a.update == "add":
			m.set(a.key, row{r.status, max(r.n, 0) + a.n})
		case a.update == "default":
			if r.n < 0 {
				r.n = a.n
			}
			m.set(a.key, r)
		case a.status != "" || is:
			m.set(a.key, row{a.status, r.n})
		}
	}
}

// set stores an item, and raises what the change means.
func (m *model) set(key int, now row) {
	old, was := m.rows[key]
	m.rows[key] = now
	if !was || old != now {
		m.changes[key] = append(m.changes[key], now.text(key))
	}
	switch {
	case !was:
		m.raiseOf("Placed", key, now)
	case m.variant == 2 && old.status != now.status:
		m.raiseOf("Changed", key, now)
	}
}

func (m *model) remove(key int, kind string) {
	old := m.rows[key]
	delete(m.rows, key)
	m.changes[key] = append(m.changes[key], kind)
	if kind == "Removed" && m.variant == 1 || kind == "Expired" && m.variant == 2 {
		m.raiseOf(kind, key, old)
	}
}

func (m *model) raiseOf(kind string, key int, r row) {
	m.raise(news{source: "shop", kind: kind, key: key, n: r.n, text: kind + " " + r.text(key)})
}

// raise gives an event to the bus and to the targets of the rules that match.
func (m *model) raise(e news) {
	m.bus = append(m.bus, e)
	for name, r := range m.rules {
		if r.disabled || !r.matches(e) {
			continue
		}
		for target := range r.targets {
			q := queueName(name, target)
			m.delivered[q] = append(m.delivered[q], e)
		}
	}
}

// patterns are what rules match, in the model and in the node.
var patterns = []string{
	`{"source":["app"]}`,
	`{"detail-type":["Placed","T1"]}`,
	`{"detail":{"n":[{"numeric":[">=",2]}]}}`,
	`{"source":[{"prefix":"sh"}],"detail-type":["Removed","Expired","Changed"]}`,
}

func (r *modelRule) matches(e news) bool {
	switch r.pattern {
	case 0:
		return e.source == "app"
	case 1:
		return e.kind == "Placed" || e.kind == "T1"
	case 2:
		return e.n >= 2
	default:
		return e.source == "shop" && e.kind != "Placed"
	}
}

func queueName(rule, target int) string { return fmt.Sprintf("r%d/t%d", rule, target) }

// targets returns the targets of each rule, after what it matches.
func (m *model) targets() map[string][]string {
	out := map[string][]string{}
	for name, r := range m.rules {
		rule := []string{"ENABLED", patterns[r.pattern]}
		if r.disabled {
			rule[0] = "DISABLED"
		}
		for _, target := range slices.Sorted(maps.Keys(r.targets)) {
			rule = append(rule, fmt.Sprintf("t%d", target))
		}
		out[fmt.Sprintf("r%d", name)] = rule
	}
	return out
}

// list returns the items that are wanted, in the order of their texts.
func (m *model) list(wanted func(int, row) bool) string {
	var out []string
	for key, r := range m.rows {
		if wanted(key, r) {
			out = append(out, r.text(key))
		}
	}
	return listed(out)
}

// listed returns the answer that shows items, whatever their order.
func listed(items []string) string {
	if len(items) == 0 {
		return "nothing"
	}
	slices.Sort(items)
	return "items " + strings.Join(items, ", ")
}

func shown(r row, is bool, key int) string {
	if !is {
		return "nothing"
	}
	return listed([]string{r.text(key)})
}
