package lint

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// logKeys are the keys of what is logged and what they mean: one name for one
// thing, in every package.
var logKeys = map[string]string{
	"after":                "the last sequence number that was read before a gap",
	"bus":                  "name of an event bus",
	"connection":           "name of a connection",
	"decision":             "what becomes of records that failed, as package parking has it",
	"definition":           "name of an event definition",
	"definitions":          "names of event definitions",
	"destination":          "where failure records of a function or a mapping go, as in Lambda",
	"detailType":           "of an event",
	"done":                 "how many records of a batch are done",
	"error":                "an error; never another key",
	"event":                "id of an event",
	"failures":             "how often something failed in a row",
	"file":                 "path of a configuration file",
	"freeMiB":              "free space of the disk",
	"function":             "name of a function",
	"gaps":                 "how often records were trimmed before they were read",
	"groups":               "how many groups read a shard",
	"hop":                  "part of the node, such as the relays",
	"lag":                  "age of the oldest record that is not dealt with",
	"mapping":              "UUID of an event source mapping",
	"method":               "of an HTTP request",
	"mine":                 "how many shards this worker reads",
	"operation":            "X-Amz-Target of a request",
	"owner":                "the worker that read a shard before",
	"panic":                "value of a panic",
	"parked":               "how many records are parked",
	"path":                 "of an HTTP request",
	"publishedOfAllTables": "how many events a worker published",
	"queue":                "ARN of a queue for dead letters",
	"reason":               "why a decision was made, in words",
	"records":              "how many records a batch has",
	"refused":              "whether an event was refused",
	"refusing":             "whether writes are refused",
	"remedy":               "what to do about an error",
	"replay":               "name of a replay",
	"request":              "id of a request",
	"rule":                 "name of a rule",
	"seq":                  "sequence number of a record",
	"shard":                "id of a shard",
	"shards":               "how many shards a stream has",
	"skippedBefore":        "how many equal lines were left out",
	"source":               "of an event, or of a worker's changes",
	"stack":                "of a panic",
	"stream":               "ARN of a stream",
	"table":                "name of a table",
	"target":               "id of a target of a rule",
	"toTrim":               "time until a record is trimmed",
	"type":                 "name of an exception",
	"upTo":                 "the last sequence number of a gap",
	"version":              "of a configuration file",
}

func TestLogKeys(t *testing.T) {
	fset, files := parseModule(t)
	used := map[string]bool{}
	for _, f := range files {
		if f.test || strings.HasPrefix(f.pkg, "examples/") {
			continue
		}
		eachLog(f.ast, func(attributes []ast.Expr) {
			for i := 0; i < len(attributes); i += 2 {
				lit, ok := attributes[i].(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					continue
				}
				key, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				used[key] = true
				if _, ok := logKeys[key]; !ok {
					t.Errorf("%s: the log key %q is not in logKeys: use the one that names this already, or add it", fset.Position(lit.Pos()), key)
				}
			}
		})
	}
	for key := range logKeys {
		if !used[key] {
			t.Errorf("no call uses the log key %q", key)
		}
	}
}

// eachLog calls fn for each call of a logger, with the keys and values that
// follow its message. A logger is package slog, or what is called log or logger.
func eachLog(file *ast.File, fn func(attributes []ast.Expr)) {
	before := map[string]int{"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "DebugContext": 2, "InfoContext": 2, "WarnContext": 2, "ErrorContext": 2, "With": 0}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		on := ""
		switch x := method.X.(type) {
		case *ast.Ident:
			on = strings.ToLower(x.Name)
		case *ast.SelectorExpr:
			on = strings.ToLower(x.Sel.Name)
		}
		ahead, known := before[method.Sel.Name]
		if known && len(call.Args) >= ahead && (on == "slog" || strings.HasSuffix(on, "log") || strings.HasSuffix(on, "logger")) {
			fn(call.Args[ahead:])
		}
		return true
	})
}
