package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/pattern"
)

// manyRules is how many rules of a bus the figures are for, and fewRules the
// number that they are compared with.
const (
	fewRules  = 100
	manyRules = 10_000
)

// patterns measures matching one event of 1 KB against all rules of a bus, and
// adding a rule, for d each.
func patterns(d time.Duration) error {
	event := patternEvent()
	few, err := patternSet(fewRules)
	if err != nil {
		return err
	}
	many, err := patternSet(manyRules)
	if err != nil {
		return err
	}
	one, err := pattern.Compile([]byte(patternRule(manyRules)))
	if err != nil {
		return err
	}
	var dst []int
	hundred, err1 := each(d, func() error { dst, err = few.Match(event, dst[:0]); return err })
	all, err2 := each(d, func() error { dst, err = many.Match(event, dst[:0]); return err })
	floor, err3 := each(d, func() error { var v any; return json.Unmarshal(event, &v) })
	adding, err4 := each(d, func() error { many.With(one); return nil })
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	name := fmt.Sprintf("match 1 KB, %d rules", manyRules)
	row(name+" / "+fmt.Sprint(fewRules), all.String(), hundred.String(), ratio(all, hundred), "<= 2")
	row(name+" / json.Unmarshal", all.String(), floor.String(), ratio(all, floor), "<= 1")
	row(fmt.Sprintf("add a rule to %d / 10 ms", manyRules), adding.String(), "10ms", ratio(adding, 10*time.Millisecond), "< 1")
	return nil
}

// each returns how long one call takes, from as many as fit into d.
func each(d time.Duration, call func() error) (time.Duration, error) {
	calls, start := 0, time.Now()
	for time.Since(start) < d {
		for range 16 {
			if err := call(); err != nil {
				return 0, err
			}
		}
		calls += 16
	}
	return time.Since(start) / time.Duration(calls), nil
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func patternSet(n int) (*pattern.Set, error) {
	list := make([]*pattern.Pattern, n)
	for i := range list {
		var err error
		if list[i], err = pattern.Compile([]byte(patternRule(i))); err != nil {
			return nil, err
		}
	}
	return pattern.NewSet(list), nil
}

// patternRule returns the i-th of many rules, with each kind of test in turn.
func patternRule(i int) string {
	test := []string{
		`"id":["o-%d"]`, `"customer":{"id":["c-%d"]}`, `"total":[{"numeric":[">",%d0000]}]`, `"id":[{"prefix":"o-%d-"}]`,
		`"note":[{"suffix":"phone%d"}]`, `"customer":{"email":[{"equals-ignore-case":"ADA%d@EXAMPLE.COM"}]}`,
		`"lines":{"sku":["sku-%d"],"count":[9]}`, `"id":[{"wildcard":"p-%d*z"}]`,
	}[i%8]
	return fmt.Sprintf(`{"source":["shop.orders"],"detail-type":["OrderPlaced","Order%d"],"detail":{`+test+`}}`, i%3, i+1)
}

// patternEvent returns an event of about 1 KB.
func patternEvent() []byte {
	return fmt.Appendf(nil, `{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","detail-type":"OrderPlaced","source":"shop.orders",`+
		`"account":"000000000000","time":"2026-11-23T16:40:18Z","region":"local","resources":["arn:aws:dynamodb:local:000000000000:table/orders"],`+
		`"detail":{"id":"o-9","state":"placed","total":4217.5,"currency":"EUR","customer":{"id":"c-10","email":"ada@example.com","tier":"gold"},`+
		`"lines":[{"sku":"sku-42","count":2,"price":99.5},{"sku":"sku-7","count":1,"price":12}],"note":%q}}`, strings.Repeat("as agreed by phone. ", 24))
}
