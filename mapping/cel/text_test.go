package cel_test

import (
	"strings"
	"testing"

	"github.com/tablecast/tablecast/mapping/cel"
)

// A number of few characters may have many digits in a text: format counts those, for
// each call and for all of an evaluation together, before it makes them.
func TestFormatCountsDigits(t *testing.T) {
	e, v := env(t), items(t)
	v["new"] = cel.OfItem(wire(t, `{"l":{"L":[`+strings.TrimSuffix(strings.Repeat(`{"N":"1E125"},`, 30_000), ",")+`]}}`))
	list := strings.TrimSuffix(strings.Repeat("new.l,", 4), ",")
	for source, fails := range map[string]string{
		`"%s".format([[1.5, 10000000000.0, new.l[0]]]).size()`:                   "",
		`"%s".format([[` + list + `]]).size()`:                                   "",
		`"%s".format([[` + list + "," + list + "," + list + `]]).size()`:         "it makes more than 32 MiB",
		`[1,2,3,4,5,6,7,8,9,10,11,12].map(x, "%s".format([[` + list + `]]))`:     "cost",
		`lists.range(12).map(x, lists.range(12).map(y, "%d-%d".format([x, y])))`: "",
	} {
		x, err := e.Compile(source, cel.Any)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		before := allocated()
		_, _, err = x.Eval(v)
		if (err == nil) != (fails == "") || err != nil && !strings.Contains(err.Error(), fails) {
			t.Errorf("%.60s: %v, want %q", source, err, fails)
		}
		if n := allocated() - before; n > 400<<20 {
			t.Errorf("%.60s took %d MiB", source, n>>20)
		}
	}
}
