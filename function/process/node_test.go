package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Each way of writing a handler answers as on Lambda.
func TestNodeHandlers(t *testing.T) {
	for _, tc := range []struct{ name, file, text, want string }{
		{"CommonJS async", "index.js", `exports.handler = async (e) => ({ got: e.n })`, `{"got":1}`},
		{"CommonJS object", "index.cjs", `module.exports = { handler: async (e) => e.n }`, `1`},
		{"ES module async", "index.mjs", `export const handler = async (e) => ({ got: e.n })`, `{"got":1}`},
		{"ES module sync", "index.mjs", `export const handler = (e) => ({ got: e.n })`, `{"got":1}`},
		{"ES module default", "index.mjs", `export default { handler: async (e) => e.n }`, `1`},
		{"top-level await", "index.mjs", `const n = await Promise.resolve(5); export const handler = async (e) => n + e.n`, `6`},
		{"callback", "index.js", `exports.handler = (e, c, done) => { setTimeout(() => done(null, e.n), 1) }`, `1`},
		{"callback at once", "index.js",
			`exports.handler = (e, c, done) => { c.callbackWaitsForEmptyEventLoop = false; setTimeout(() => {}, 1e8); done(null, e.n) }`, `1`},
		{"callback waits", "index.js",
			`let n = 0; exports.handler = (e, c, done) => { const a = { n }; setTimeout(() => { a.n = 7 }, 5); done(null, a) }`, `{"n":7}`},
		{"succeed", "index.js", `exports.handler = (e, c) => { c.succeed(e.n) }`, `1`},
		{"nothing", "index.js", `exports.handler = async () => {}`, `null`},
		{"nothing pending", "index.js", `exports.handler = () => { setTimeout(() => {}, 1) }`, `null`},
		{"never settles", "index.js", `exports.handler = () => new Promise(() => {})`, `null`},
		{"thenable", "index.js", `exports.handler = () => ({ then: (ok) => ok(3) })`, `3`},
		{"unicode", "index.js", `exports.handler = async (e) => e.s`, `"žluťoučký 🐎"`},
		{"context", "index.js",
			`exports.handler = async (e, c) => [c.functionName.length > 0, c.memoryLimitInMB, c.functionVersion, c.getRemainingTimeInMillis() > 50000]`,
			`[true,"128","$LATEST",true]`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := start(t, node(t, tc.file, tc.text), Options{})
			for range 3 {
				w.want(`{"n":1,"s":"žluťoučký 🐎"}`, tc.want)
			}
			if n := w.Stats().Started; n != 1 {
				t.Errorf("%d processes, want 1", n)
			}
		})
	}
}

func TestNodeFailures(t *testing.T) {
	for _, tc := range []struct{ name, text, kind, message string }{
		{"thrown", `exports.handler = async () => { throw new RangeError("too far") }`, "RangeError", "too far"},
		{"thrown sync", `exports.handler = () => { throw new TypeError("not so") }`, "TypeError", "not so"},
		{"thrown text", `exports.handler = async () => { throw "just text" }`, "string", "just text"},
		{"rejected", `exports.handler = () => Promise.reject(new Error("no"))`, "Error", "no"},
		{"callback", `exports.handler = (e, c, done) => done(new Error("by callback"))`, "Error", "by callback"},
		{"fail", `exports.handler = (e, c) => c.fail(new Error("by context"))`, "Error", "by context"},
		{"left rejected", `exports.handler = () => { Promise.reject(new Error("left")); return new Promise(() => setTimeout(() => {}, 1e8)) }`,
			"Runtime.UnhandledPromiseRejection", "left"},
		{"uncaught", `exports.handler = () => new Promise(() => setTimeout(() => { throw new Error("later") }, 1))`, "Error", "later"},
		{"circular", `exports.handler = async () => { const a = {}; a.a = a; return a }`, "Error", "Unable to stringify response body"},
		{"exit", `exports.handler = async () => process.exit(1)`, "Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: exit status 1"},
		{"exit 0", `exports.handler = async () => process.exit(0)`, "Runtime.ExitError", "RequestId: ID Error: Runtime exited without providing a reason"},
		{"killed", `exports.handler = async () => { process.kill(process.pid, "SIGKILL"); await new Promise(() => setTimeout(() => {}, 1e8)) }`,
			"Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: signal: killed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := start(t, node(t, "index.js", tc.text), Options{})
			for range 2 {
				if r := w.wantError(`{}`, tc.kind, tc.message); r.NotStarted {
					t.Error("the handler ran, but the result says that it did not")
				}
			}
		})
	}
}

func TestNodeTrace(t *testing.T) {
	w := start(t, node(t, "index.js", "exports.handler = async () => {\n  throw new Error('here')\n}\n"), Options{})
	r := w.wantError(`{}`, "Error", "here")
	for _, part := range []string{`"trace":["Error: here"`, "index.js:2:9"} {
		if !strings.Contains(string(r.Payload), part) {
			t.Errorf("payload %s lacks %s", r.Payload, part)
		}
	}
	if !strings.Contains(string(r.LogTail), "index.js:2:9") {
		t.Errorf("log tail lacks the trace: %s", r.LogTail)
	}
}

// Code that does not load fails each invocation, with the reason, and is marked
// as not started.
func TestNodeInitFailures(t *testing.T) {
	for _, tc := range []struct{ name, file, text, kind, message string }{
		{"throws", "index.js", `throw new Error("at the start")`, "Error", "at the start"},
		{"syntax", "index.js", `exports.handler = async ( => 1`, "Runtime.UserCodeSyntaxError", "Unexpected token"},
		{"import", "index.mjs", `import "no-such-package"`, "Runtime.ImportModuleError", "no-such-package"},
		{"require", "index.js", `require("no-such-package")`, "Runtime.ImportModuleError", "no-such-package"},
		{"no export", "index.js", `exports.other = 1`, "Runtime.HandlerNotFound", "index.handler is undefined or not exported"},
		{"exit", "index.js", `process.exit(9)`, "Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: exit status 9"},
		{"streaming", "index.mjs", `export const handler = awslambda.streamifyResponse(async () => {})`, "Error", "streaming"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := start(t, node(t, tc.file, tc.text), Options{})
			for range 2 {
				r := w.wantError(`{}`, tc.kind, tc.message)
				if !r.NotStarted {
					t.Error("the result does not say that the handler never ran")
				}
				if !strings.HasSuffix(string(r.LogTail), "Error Type: "+tc.kind+"\n") {
					t.Errorf("log tail %s", r.LogTail)
				}
			}
		})
	}
}

func TestNodeInitTimeout(t *testing.T) {
	s := node(t, "index.mjs", `await new Promise(() => setTimeout(() => {}, 1e8))`)
	s.Timeout = time.Second / 10
	w := start(t, s, Options{Init: time.Second / 2})
	w.wantError(`{}`, "Sandbox.Timedout", "RequestId: ID Error: Task timed out after 0.50 seconds")
}

// TypeScript runs without a step before, with packages of the project's
// node_modules, as CommonJS or as an ES module.
func TestTypeScript(t *testing.T) {
	for _, kind := range []string{"commonjs", "module"} {
		t.Run(kind, func(t *testing.T) {
			dir := files(t, map[string]string{
				"package.json":        `{"type":"` + kind + `"}`,
				"fn/src/publisher.ts": "import { PutEvents } from '@aws-sdk/client-x';\nimport { word } from '../../lib/word';\nexport const handler = async (e: { n: number }): Promise<string> => {\n  if (e.n > 1) throw new Error('big');\n  return new PutEvents().name + word;\n}\n",
				"lib/word.ts":         `export const word: string = "!";`,
				"node_modules/@aws-sdk/client-x/index.js":     `const os = require("os"); exports.PutEvents = class { name = os.EOL === "\n" ? "put" : "" }`,
				"node_modules/@aws-sdk/client-x/package.json": `{"name":"@aws-sdk/client-x","main":"index.js"}`,
			})
			w := start(t, Spec{Dir: filepath.Join(dir, "fn"), Handler: "src/publisher.ts"}, Options{})
			w.want(`{"n":1}`, `"put!"`)
			if r := w.wantError(`{"n":2}`, "Error", "big"); !strings.Contains(string(r.Payload), filepath.Join(dir, "fn/src/publisher.ts:4:")) {
				t.Errorf("the trace does not name the source: %s", r.Payload)
			}
			// A directory that is no code changes nothing.
			write(t, filepath.Join(dir, "fn/.hidden/x"), "")
			generation := w.Stats().Generation
			w.want(`{"n":1}`, `"put!"`)
			if n := w.Stats().Generation; n != generation {
				t.Errorf("generation %d, want %d", n, generation)
			}
			// A file outside the function's directory is part of it too.
			write(t, filepath.Join(dir, "lib/word.ts"), `export const word: string = "?";`)
			w.want(`{"n":1}`, `"put?"`)
			write(t, filepath.Join(dir, "lib/word.ts"), `export const word: string = `)
			if r := w.wantError(`{"n":1}`, "Runtime.UserCodeSyntaxError", "word.ts:1:"); !r.NotStarted {
				t.Error("the result does not say that the handler never ran")
			}
			write(t, filepath.Join(dir, "lib/word.ts"), `export const word: string = ".";`)
			w.want(`{"n":1}`, `"put."`)
		})
	}
}

// A handler that uses AWS's SDK talks to the endpoint of the Spec.
func TestRealSDK(t *testing.T) {
	modules, err := filepath.Abs("../../test/clients/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "@aws-sdk/client-eventbridge")); err != nil {
		t.Skip("needs make clients")
	}
	got := make(chan string, 10)
	s := node(t, "publisher.ts", `
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
const client = new EventBridgeClient({});
export const handler = async () => (await client.send(new PutEventsCommand({ Entries: [] }))).FailedEntryCount;
`)
	if out, err := exec.Command("ln", "-s", modules, filepath.Join(s.Dir, "node_modules")).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	s.Handler, s.Endpoint, s.MemoryMB = "publisher.handler", eventBridge(t, got), 512
	w := start(t, s, Options{})
	w.want(`{}`, `0`)
	if target := <-got; target != "AWSEvents.PutEvents" {
		t.Errorf("target %q", target)
	}
}
