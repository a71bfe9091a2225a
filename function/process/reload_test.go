package process

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Code that changed on disk runs at the next invocation, whatever the language
// and however small the change.
func TestChangeOnDisk(t *testing.T) {
	for _, tc := range []struct{ name, file, one, two string }{
		{"node", "index.js", `exports.handler = async () => 1`, `exports.handler = async () => 2`},
		{"TypeScript", "index.ts", `export const handler = async (): Promise<number> => 1`, `export const handler = async (): Promise<number> => 2`},
		{"python", "index.py", "def handler(e, c): return 1", "def handler(e, c): return 2"},
		{"file beside", "data/n.json", `1`, `2`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := files(t, map[string]string{tc.file: tc.one, "node_modules/p/x": ""})
			s := Spec{Dir: dir, Handler: tc.file}
			if tc.file == "data/n.json" {
				s.Handler = "index.js"
				write(t, filepath.Join(dir, s.Handler), `const n = require("./data/n.json"); exports.handler = async () => n`)
			}
			w := start(t, s, Options{})
			for range 5 {
				write(t, filepath.Join(dir, tc.file), tc.one)
				w.want(`{}`, `1`)
				write(t, filepath.Join(dir, tc.file), tc.two)
				w.want(`{}`, `2`)
			}
			w.await("end of old processes", func(s Stats) bool { return s.Processes == 1 })
			old, err := filepath.Glob(filepath.Join(w.scratch.dir, "code-*"))
			if err != nil || len(old) > 1 {
				t.Errorf("left of old code: %v %v", old, err)
			}
			// What is no part of the code changes nothing.
			started := w.Stats().Started
			write(t, filepath.Join(dir, "node_modules/p/x"), "changed")
			write(t, filepath.Join(dir, ".git/index"), "changed")
			w.want(`{}`, `2`)
			if n := w.Stats().Started; n != started {
				t.Errorf("a change beside the code started %d processes", n-started)
			}
		})
	}
}

// Old code finishes what it has; what comes after runs on new code.
func TestOldCodeIsDrained(t *testing.T) {
	door := newDoor(t, 100)
	text := `exports.handler = async (e) => { if (e.wait) await fetch(process.env.MEET + "/old"); return "old" }`
	s := node(t, "index.js", text)
	s.Env = map[string]string{"MEET": door.url}
	w := start(t, s, Options{})
	slow := w.later(t.Context(), `{"wait":true}`)
	<-door.arrived
	w.want(`{}`, `"old"`)
	write(t, filepath.Join(s.Dir, "index.js"), `exports.handler = async () => "new"`)
	w.want(`{}`, `"new"`)
	door.open()
	if out := <-slow; out.err != nil || string(out.result.Payload) != `"old"` {
		t.Errorf("%s %v", out.result.Payload, out.err)
	}
	w.want(`{}`, `"new"`)
	w.await("end of old processes", func(s Stats) bool { return s.Processes == 1 })
	if s := w.Stats(); s.Generation != 2 || s.Started != 3 {
		t.Errorf("%+v, want generation 2 and 3 processes started", s)
	}
}

// Code that is taken away fails invocations with the reason, and runs again
// when it is back.
func TestCodeGone(t *testing.T) {
	s := node(t, "index.js", `exports.handler = async () => 1`)
	w := start(t, s, Options{})
	w.want(`{}`, `1`)
	if err := os.Remove(filepath.Join(s.Dir, "index.js")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if r := w.wantError(`{}`, "Runtime.ImportModuleError", "no file "+filepath.Join(s.Dir, "index.js")); !r.NotStarted {
			t.Error("it did not start")
		}
	}
	write(t, filepath.Join(s.Dir, "index.mjs"), `export const handler = async () => 2`)
	w.want(`{}`, `2`)
	if err := os.RemoveAll(s.Dir); err != nil {
		t.Fatal(err)
	}
	w.wantError(`{}`, "Runtime.ImportModuleError", "no file")
	write(t, filepath.Join(s.Dir, "index.mjs"), `export const handler = async () => 3`)
	w.want(`{}`, `3`)
}

// A directory that is a link follows the link.
func TestLinkedDirectory(t *testing.T) {
	one := files(t, map[string]string{"index.js": `exports.handler = async () => 1`})
	two := files(t, map[string]string{"index.js": `exports.handler = async () => 2`})
	link := filepath.Join(t.TempDir(), "current")
	point := func(to string) {
		t.Helper()
		if err := os.Symlink(to, link+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(link+".new", link); err != nil {
			t.Fatal(err)
		}
	}
	point(one)
	w := start(t, Spec{Dir: link, Handler: "index.js"}, Options{})
	w.want(`{}`, `1`)
	point(two)
	w.want(`{}`, `2`)
}

// A start that hangs does not hold up the code that replaces it.
func TestChangeDuringStart(t *testing.T) {
	door := newDoor(t, 100)
	s := node(t, "index.mjs", `await fetch(process.env.MEET + "/start"); export const handler = async () => 1`)
	s.Env, s.Concurrency = map[string]string{"MEET": door.url}, 1
	w := start(t, s, Options{})
	first := w.later(t.Context(), `{}`)
	<-door.arrived
	write(t, filepath.Join(s.Dir, "index.mjs"), `export const handler = async () => 2`)
	w.want(`{}`, `2`)
	if out := <-first; out.err != nil || string(out.result.Payload) != `2` {
		t.Errorf("%s %v", out.result.Payload, out.err)
	}
}

// A start that fails while its code changes is made again, not reported.
func TestFailureDuringChange(t *testing.T) {
	door := newDoor(t, 100)
	s := node(t, "index.mjs", `await fetch(process.env.MEET + "/start"); throw new Error("half written")`)
	s.Env = map[string]string{"MEET": door.url}
	w := start(t, s, Options{})
	call := w.later(t.Context(), `{}`)
	<-door.arrived
	write(t, filepath.Join(s.Dir, "index.mjs"), `export const handler = async () => 2`)
	door.open()
	if out := <-call; out.err != nil || string(out.result.Payload) != `2` {
		t.Errorf("%s %v", out.result.Payload, out.err)
	}
}

// A program that is still being written is waited for.
func TestProgramBeingWritten(t *testing.T) {
	dir := files(t, map[string]string{"bootstrap": "#!/bin/sh\nexit 7\n"})
	w := start(t, Spec{Dir: dir}, Options{})
	file, err := os.OpenFile(filepath.Join(dir, "bootstrap"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, func() { file.Close() })
	w.wantError(`{}`, "Runtime.ExitError", "exit status 7")
}

func TestNoProgram(t *testing.T) {
	dir := files(t, map[string]string{"bootstrap": "neither script nor program"})
	w := start(t, Spec{Dir: dir}, Options{})
	if r := w.wantError(`{}`, "Runtime.InvalidEntrypoint", "exec format error"); !r.NotStarted {
		t.Error("it did not start")
	}
}
