package process

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var fence = regexp.MustCompile("(?ms)^```(\\S+)(?: (\\S+))?\n(.*?)^```$")

// The examples of docs/functions.md do what they say.
func TestDocumentedFunctions(t *testing.T) {
	text, err := os.ReadFile("../../docs/functions.md")
	if err != nil {
		t.Fatal(err)
	}
	var spec Spec
	event := ""
	ran := 0
	for _, block := range fence.FindAllStringSubmatch(string(text), -1) {
		kind, file, body := block[1], block[2], strings.TrimSpace(block[3])
		switch kind {
		case "invoke":
			event = body
		case "answer", "error":
			t.Run(filepath.Base(spec.Handler), func(t *testing.T) {
				w := start(t, spec, Options{})
				if kind == "answer" {
					w.want(event, body)
					return
				}
				name, message, _ := strings.Cut(body, " ")
				w.wantError(event, name, message)
			})
			ran++
		default:
			spec = Spec{Dir: files(t, map[string]string{file: block[3]}), Handler: file}
		}
	}
	if ran < 7 {
		t.Errorf("%d examples found", ran)
	}
}
