package function

import (
	"crypto/sha256"
	"encoding/base64"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/internal/fsck"
	"github.com/tablecast/tablecast/kv"
)

// Check reports what is wrong with the functions of a store which nobody writes:
// functions whose code is not that of its digest, and events and dead letters that
// cannot be read. Code that no function refers to is none: the next Open removes it.
func Check(r kv.Reader, report *fsck.Report) {
	kv.Walk(r, kv.Prefix(kv.NewKey('f').Uint64(0)), report, "functions", "functions", func(key, value []byte) {
		f := &Function{}
		if err := json.Unmarshal(value, f); err != nil || string(key) != string(functionKey(f.Name)) {
			report.Fault("functions", key, "the function cannot be read: %v", err)
			return
		}
		if f.Code.Dir == "" {
			checkCode(r, f, report)
		}
	})
	kv.Walk(r, kv.Prefix(kv.NewKey('f').Uint64(2)), report, "functions", "invocations", func(key, value []byte) {
		var e queuedEvent
		if err := json.Unmarshal(value, &e, anyJSON); err != nil || len(key) != len(rowKey(0)) {
			report.Fault("functions", key, "the asynchronous invocation cannot be read: %v", err)
		}
	})
	kv.Walk(r, kv.Prefix(kv.NewKey('f').Uint64(3)), report, "functions", "dead letters of functions", func(key, value []byte) {
		k := kv.ReadKey(key)
		k.Uint64()
		name := k.String()
		k.Uint64()
		if k.Err() != nil || !jsontext.Value(value).IsValid(anyJSON) {
			report.Fault("function "+name, key, "the dead letter cannot be read")
		}
	})
}

// checkCode compares the code of a function with its digest.
func checkCode(r kv.Reader, f *Function, report *fsck.Report) {
	sum, size, next := sha256.New(), int64(0), uint64(0)
	part := "function " + f.Name
	kv.Walk(r, kv.Prefix(chunkKey(f.Code.Number)), report, part, "pieces of code", func(key, value []byte) {
		if string(key) != string(chunkKey(f.Code.Number).Uint64(next)) {
			report.Fault(part, key, "a piece of the code is missing before this one")
		}
		next++
		size += int64(len(value))
		sum.Write(value)
	})
	if have := base64.StdEncoding.EncodeToString(sum.Sum(nil)); have != f.Code.SHA256 {
		report.Fault(part, chunkKey(f.Code.Number), "the code has %d bytes and the digest %s, not %d bytes and %s; update the function's code", size, have, f.Code.Size, f.Code.SHA256)
	}
}
