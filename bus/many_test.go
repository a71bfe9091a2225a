package bus

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/pattern"
)

// manyRules is how many rules the bus of TestManyRules has.
const manyRules = 10_000

// manyPattern returns the pattern of the i-th rule, with each kind of test in
// turn; some share their test with others.
func manyPattern(i int) string {
	test := []string{
		`"id":["o-%d"]`, `"customer":{"id":[{"prefix":"c-%d-"}]}`, `"total":[{"numeric":[">",%d]}]`, `"note":[{"wildcard":"*n%dx*"}]`,
		`"state":[{"anything-but":["s%d"]}]`, `"gone":[{"exists":false}],"id":["o-%d"]`, `"address":[{"cidr":"10.%d.0.0/16"}]`, `"lines":{"sku":["k-%d"],"count":[2]}`,
	}[i%8]
	return fmt.Sprintf(`{"source":["s%d"],"detail":{`+test+`}}`, i%50, i/8%250)
}

// A bus of ten thousand rules sends each event to those that want it, as each
// says by itself, whatever is added, replaced or taken away.
func TestManyRules(t *testing.T) {
	w := memory(t, Options{MaxRules: manyRules + 100})
	b := w.store.NewBatch()
	for i := range manyRules {
		r := Rule{Bus: Default, Name: fmt.Sprintf("r%05d", i), Pattern: manyPattern(i), Targets: []Target{{ID: "t", ARN: "log:x"}}}
		b.Set(ruleKey(Default, r.Name), encode(r))
	}
	_, err := w.store.Commit(b)
	w.must(err)
	w.reopen()
	w.sendsRight(10)
	var added []time.Duration
	for i := range 21 {
		begin := time.Now()
		w.must(w.PutRule(Rule{Bus: Default, Name: fmt.Sprintf("a%d", i), Pattern: manyPattern(i * 7)}))
		added = append(added, time.Since(begin))
	}
	slices.Sort(added)
	// The aim, 10 ms, is for the benchmark; this test shares its machine, and the
	// race detector takes its toll.
	took := added[len(added)/2]
	t.Logf("adding a rule to %d took %v", manyRules, took)
	if took > 100*time.Millisecond {
		t.Errorf("adding a rule to %d took %v", manyRules, took)
	}
	w.sendsRight(15) // before a replaced rule makes the bus compile all again
	w.must(w.PutRule(Rule{Bus: Default, Name: "r00008", Pattern: manyPattern(16)}))
	w.must(w.SetEnabled(Default, "r00016", false))
	w.must(w.DeleteRule(Default, "a3"))
	w.sendsRight(15)
}

// sendsRight puts events and compares the rules that they match, and the
// counters of those, with what each pattern says alone.
func (w *world) sendsRight(events int) {
	w.t.Helper()
	rules, err := w.Rules(Default, "")
	w.must(err)
	alone := make([]*pattern.Pattern, len(rules))
	for i, r := range rules {
		if !r.Disabled {
			alone[i], err = pattern.Compile([]byte(r.Pattern))
			w.must(err)
		}
	}
	hits := 0
	for n := range events {
		entry := Entry{Bus: Default, Source: fmt.Sprint("s", n%50), DetailType: "T", Detail: fmt.Appendf(nil,
			`{"id":"o-%d","customer":{"id":"c-%d-7"},"total":%d,"note":"an%dxb","state":"s%d","address":"10.%d.7.7","lines":[{"sku":"k-%d","count":2},{"sku":"k-1","count":1}]}`,
			n%250, n%250, n%40, n%250, n%250, n%250, n%250)}
		_, err := w.Put(w.t.Context(), []Entry{entry})
		w.must(err)
		a := w.accepted[len(w.accepted)-1]
		var want []string
		envelope := a.Event.AppendJSON(nil)
		for i, p := range alone {
			if p == nil {
				continue
			}
			ok, err := p.Match(envelope)
			w.must(err)
			if ok {
				want = append(want, rules[i].Name)
			}
		}
		hits += len(want)
		got := slices.Clone(a.Rules)
		slices.Sort(got)
		equal(w.t, string(entry.Detail), got, want)
	}
	if hits < events*10 {
		w.t.Errorf("%d matches of %d events", hits, events)
	}
	var rows uint64
	for _, s := range w.queues.States() {
		rows += s.Matched
	}
	stored := 0
	w.must(w.Events(Default, 0, func(uint64, *event.Event) bool { stored++; return true }))
	if rows == 0 || stored != len(w.accepted) {
		w.t.Errorf("%d deliveries of %d events", rows, stored)
	}
}
