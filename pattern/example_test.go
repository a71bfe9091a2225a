package pattern_test

import (
	"fmt"

	"github.com/tablecast/tablecast/pattern"
)

// A pattern needs no node: here events that a program gets elsewhere are
// matched as a rule of EventBridge would match them.
func ExampleCompile() {
	p, err := pattern.Compile([]byte(`{
		"source": ["shop"],
		"detail": {"total": [{"numeric": [">", 100]}], "country": ["DE", "FR"]}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, event := range []string{
		`{"source": "shop", "detail": {"total": 120.5, "country": "DE"}}`,
		`{"source": "shop", "detail": {"total": 80, "country": "DE"}}`,
	} {
		matches, err := p.Match([]byte(event))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(matches)
	}
	// Output:
	// true
	// false
}

// Explain says which fields of an event do not match, and what stands there.
func ExamplePattern_Explain() {
	p, err := pattern.Compile([]byte(`{"detail": {"total": [{"numeric": [">", 100]}], "state": [{"prefix": "pa"}]}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	misses, err := p.Explain([]byte(`{"detail": {"total": 80, "state": "paid"}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, miss := range misses {
		fmt.Println(miss)
	}
	// Output: detail.total: wanted > 100; found 80 at /detail/total
}

// A Set matches an event against many patterns at once, in about the time that
// one takes.
func ExampleSet_Match() {
	var patterns []*pattern.Pattern
	for _, src := range []string{`{"source": ["shop"]}`, `{"source": ["bank"]}`, `{"detail-type": [{"prefix": "Order"}]}`} {
		p, err := pattern.Compile([]byte(src))
		if err != nil {
			fmt.Println(err)
			return
		}
		patterns = append(patterns, p)
	}
	set := pattern.NewSet(patterns)
	found, err := set.Match([]byte(`{"source": "shop", "detail-type": "OrderPlaced"}`), nil)
	fmt.Println(found, err)
	// Output: [0 2] <nil>
}
