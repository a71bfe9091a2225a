package process

import (
	"bytes"
	"fmt"
	"testing"
)

// One caller, one warm Go process, events of several sizes.
func BenchmarkInvoke(b *testing.B) {
	for _, size := range []int{100, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := goSpec(b)
			w := start(b, s, Options{})
			payload := fmt.Appendf(nil, `{"do":"echo","text":"x","pad":"%s"}`, bytes.Repeat([]byte{'p'}, size))
			w.invoke(string(payload))
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := w.Invoke(b.Context(), payload, InvokeOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The time to a new process's first answer.
func BenchmarkColdStart(b *testing.B) {
	for name, s := range map[string]Spec{
		"go": goSpec(b), "node": node(b, "index.js", `exports.handler = async () => 1`), "python": python(b, "def handler(e, c): return 1"),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				w := start(b, s, Options{})
				w.invoke(`{}`)
				w.stop()
			}
		})
	}
}
