package function

import (
	"testing"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// A function that the file hides keeps its code over starts of the node, and is
// back when the file no longer declares one of its name.
func TestHiddenFunctionKeepsItsCode(t *testing.T) {
	mem := kvtest.NewCrashFS(1)
	w := open(t, mem, Options{})
	w.create("f", app(t, "from the api"), pythonConfig())
	w.stop()
	declared := []process.Spec{{Name: "f", Dir: binary(t).Dir, Runtime: "provided.al2023", Handler: "x"}}
	for range 2 {
		mem = mem.Clone(0)
		w = open(t, mem, Options{Declared: declared})
		w.want("f", `{}`, `"done "`)
		w.stop()
	}
	mem = mem.Clone(0)
	w = open(t, mem, Options{})
	w.want("f", `{}`, `"from the api"`)
}

// P8: a function whose stored code is damaged fails alone and says so; new code
// mends it.
func TestDamagedCodeFailsAlone(t *testing.T) {
	mem := kvtest.NewCrashFS(1)
	w := open(t, mem, Options{})
	bad := w.create("bad", app(t, "bad"), pythonConfig())
	w.create("good", app(t, "good"), pythonConfig())
	b := w.store.NewBatch()
	b.Set(chunkKey(bad.Code.Number).Uint64(0), []byte("other bytes"))
	if _, err := w.store.Commit(b); err != nil {
		t.Fatal(err)
	}
	w.stop()
	mem = mem.Clone(0)
	w = open(t, mem, Options{})
	w.want("good", `{}`, `"good"`)
	if f, err := w.Get("bad"); err != nil || f.State.Code != codeStart {
		t.Errorf("%+v, %v", f.State, err)
	}
	r, err := w.Invoke(t.Context(), "bad", []byte(`{}`), process.InvokeOptions{})
	if err != nil || r.FunctionError == "" {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := w.SetCode("bad", "", app(t, "mended")); err != nil {
		t.Fatal(err)
	}
	w.want("bad", `{}`, `"mended"`)
}
