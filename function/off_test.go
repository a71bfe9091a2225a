package function

import (
	"errors"
	"testing"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// Where functions are off none is created, changed or invoked; what the store has
// stays, can be deleted, and runs again after a start with functions.
func TestOff(t *testing.T) {
	mem := kvtest.NewCrashFS(1)
	w := open(t, mem, Options{})
	for _, name := range []string{"kept", "gone"} {
		if _, err := w.Create(Function{Name: name, Code: binary(t)}); err != nil {
			t.Fatal(err)
		}
	}
	reopen := func(o Options) {
		w.stop()
		mem = mem.Clone(0)
		w = open(t, mem, o)
	}
	reopen(Options{Off: true})
	errs := map[string]error{}
	_, errs["Create"] = w.Create(Function{Name: "new", Code: binary(t)})
	_, errs["SetCode"] = w.SetCode("kept", "", binary(t))
	_, errs["Configure"] = w.Configure("kept", "", func(c *Config) { c.Seconds = 5 })
	errs["Tag"] = w.Tag("kept", map[string]string{"a": "b"}, nil)
	_, errs["SetEvents"] = w.SetEvents("kept", func(e *EventConfig) *EventConfig { return e })
	errs["Allow"] = w.Allow("kept", "", Statement{ID: "s"})
	_, errs["Invoke"] = w.Invoke(t.Context(), "kept", []byte(`{}`), process.InvokeOptions{})
	errs["Enqueue"] = w.Enqueue("kept", "", []byte(`{}`))
	errs["Declare"] = w.Declare([]process.Spec{{Name: "declared", Dir: t.TempDir()}})
	for what, err := range errs {
		if !errors.Is(err, ErrOff) {
			t.Errorf("%s: %v", what, err)
		}
	}
	f, err := w.Get("kept")
	if err != nil || !f.State.Failed() {
		t.Errorf("%+v, %v", f.State, err)
	}
	if err := w.Delete("gone"); err != nil {
		t.Error(err)
	}
	reopen(Options{})
	if f, err := w.Get("kept"); err != nil || f.State.Failed() {
		t.Errorf("after a start with functions: %+v, %v", f.State, err)
	}
	if _, err := w.Get("gone"); !errors.Is(err, ErrNotFound) {
		t.Errorf("after it was deleted: %v", err)
	}
}
