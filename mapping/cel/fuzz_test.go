package cel_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/mapping/cel"
)

// allocated returns how many bytes the process has allocated so far.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// Whatever the expression, it is refused, fails, or yields JSON within the bounds of
// memory and time.
func FuzzExpression(f *testing.F) {
	e, v := env(f), items(f)
	for _, s := range []string{
		`new.whole * 1.1 + old.whole`, `new.lines.map(l, l.n * 2).sum()`, `{?"a": new.?nope, "b": [new.big]}`, `new.tags.exists(t, t == "a") ? diff(old, new) : {}`,
		`"%s-%d".format([new.id, new.whole])`, `new.id.replace("u", new.id + new.id)`, `timestamp(new.at) - time > duration("1h")`, `cel.bind(x, new.m, x.transformList(k, y, k + string(y)))`,
		`lists.range(100).map(a, lists.range(100).map(b, a * b))`, `base64.encode(new.raw)`, `[1, 2].join("x")`, `math.greatest(new.half, 3)`, `op.matches("^m.*y$")`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		begin, before := time.Now(), allocated()
		x, err := e.Compile(source, cel.Any)
		if err != nil {
			return
		}
		got, _, err := x.Eval(v)
		if n := allocated() - before; n > 256<<20 {
			t.Errorf("%s took %d MiB", source, n>>20)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s took %s", source, took)
		}
		if err != nil || got == nil {
			return
		}
		const most = 1 << 20
		out, err := cel.AppendJSON(nil, got, most, false)
		if err == nil && (!jsontext.Value(out).IsValid() || len(out) > most) {
			t.Errorf("%s yields %d bytes: %.300s", source, len(out), out)
		}
	})
}
