package mapping_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
)

// Expressions over the largest items end in a moment and make no more than a
// change may raise, whatever they do: they run on the only goroutine of their
// table.
func TestExpressionsAreBounded(t *testing.T) {
	r := reversed(t, 20_000) // a list of as many numbers, new.list, and in reverse, old.list
	r.New = r.New.With("text", item.S(strings.Repeat("x", 100_000)))
	const tooMuch, tooLong, tooLarge = "cost limit exceeded", "it makes more than", "the change raises more than 32 MiB"
	for source, want := range map[string]string{ // the detail's member, or what the error says
		"new.list.distinct().size()":                                          "20000",
		"sets.equivalent(new.list, old.list)":                                 "true",
		"sets.contains(new.list, [1, 2]) && !sets.intersects([-1], new.list)": "true",
		"new.list.hasAll(old.list) && new.list.hasExactly(old.list)":          "true",
		"added(old.list, new.list).size()":                                    "0",
		"new.list.sum()":                                                      "199990000",
		"new.list.exists(x, new.list[19999] == -1)":                           "false",
		"new.list.all(x, x in old.list)":                                      tooMuch,
		"new.list.transformMap(i, x, x).size()":                               tooMuch,
		"lists.range(10000).exists(i, new.list.sort().size() == 0)":           tooMuch,
		"new.list.exists(x, new.list.reverse().size() == 0)":                  tooMuch,
		"new.list.exists(x, math.greatest(new.list) == 0)":                    tooMuch,
		"new.list.exists(x, new == new && false)":                             tooMuch,
		"new.list.exists(x, ('%s').format([new.list]) == '')":                 tooMuch,
		"new.list.map(x, new.text + new.text).size()":                         tooMuch,
		"new.list.exists(x, new.text.size() == 0)":                            tooMuch,
		"new.text.replace('x', new.text).size()":                              tooLong,
		"new.text.split('').join(new.text).size()":                            tooLong,
		"new.text.replace('x', '%s').format(new.list.map(x, new.text))":       tooLong,
		"'%s'.format([new.list.map(x, new.text)])":                            tooLong,
		"new.text.matches(new.text.replace('x', 'x?') + 'y')":                 tooMuch,
		"new.list.map(x, new.list).flatten().size()":                          tooLong,
		"new.list.map(x, new.list).distinct().size()":                         tooLong,
		"new.list.map(x, {'line': x, 'note': new.text})":                      tooLarge,
		"[new.list.map(x, [new.text])]":                                       tooLarge,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := time.Now()
		events, err := mapping.NewSet([]mapping.Definition{{Name: "E", Detail: object(t, "${"+source+"}")}}, options).Apply(r, all)
		took := time.Since(begin)
		runtime.ReadMemStats(&after)
		got := fmt.Sprint(err)
		if err == nil {
			got = strings.TrimSuffix(strings.TrimPrefix(string(events[0].Event.Detail), `{"a":`), "}")
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%s gives %.200s, want %s", source, got, want)
		}
		if took > time.Minute {
			t.Errorf("%s took %s", source, took)
		}
		if grown := (after.HeapSys - min(before.HeapSys, after.HeapSys)) >> 20; grown > 500 {
			t.Errorf("%s took %d MB", source, grown)
		}
	}
}

// What does not depend on the element of each: is computed once for all of them;
// what does may not cost without end.
func TestEachIsBounded(t *testing.T) {
	r := reversed(t, 1000)
	d := mapping.Definition{Name: "E", Each: collection(t, "new.list"), Detail: object(t, "${each}", "${new.list.map(x, x + 1).sum()}")}
	set := mapping.NewSet([]mapping.Definition{d}, options)
	set.LimitCost(100_000)
	events, err := set.Apply(r, all)
	if err != nil || len(events) != 1000 || string(events[1].Event.Detail) != `{"a":998,"b":500500}` || string(events[999].Event.Detail) != `{"a":0,"b":500500}` {
		t.Errorf("%d events, %v", len(events), err)
	}
	d.Detail = object(t, "${new.list.exists(x, x == each - 1)}", "${at}")
	set = mapping.NewSet([]mapping.Definition{d}, options)
	if events, err = set.Apply(r, all); err != nil || len(events) != 1000 {
		t.Errorf("%d events, %v", len(events), err)
	}
	set.LimitCost(100_000)
	if _, err = set.Apply(r, all); err == nil || !strings.Contains(err.Error(), "cost too much together") {
		t.Errorf("%v", err)
	}
}

// An expression that depends on the element of each: is computed for each of them,
// in whatever form it names the element.
func TestEachIsComputedForEach(t *testing.T) {
	r := reversed(t, 3) // new.list is 2, 1, 0
	for _, source := range []string{
		"[each].map(x, x)[0]", "{'a': each}.a", "cel.bind(x, each, x)", "[1].map(x, each)[0]", "true ? each : 0", "[each][?0].orValue(7)", "2 - at",
		"[1].map(each, .each)[0]", "cel.bind(at, 2, at - .at)", "google.protobuf.Int64Value{value: each}",
	} {
		d := mapping.Definition{Name: "E", Each: collection(t, "new.list"), Detail: object(t, "${"+source+"}")}
		events, err := mapping.NewSet([]mapping.Definition{d}, options).Apply(r, all)
		if err != nil {
			t.Errorf("%s: %v", source, err)
		}
		var got []string
		for _, e := range events {
			got = append(got, string(e.Event.Detail))
		}
		if want := `{"a":2} {"a":1} {"a":0}`; strings.Join(got, " ") != want {
			t.Errorf("%s gives %s, want %s", source, got, want)
		}
	}
}
