package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", "p.json", `{"a":["x"],"l":{"b":[1]}}`)
	write(t, ".", "e.json", `{"a":"y","l":[{"b":2},{"b":3}]}`)
	for _, c := range []struct {
		args   string
		status int
		out    string
	}{
		{`--pattern {"a":["x"]} --event {"a":"x"}`, 0, "match\n"},
		{`--pattern {"a":["x"]} --event {"a":"x"} --json`, 0, `{"match":true,"misses":[]}` + "\n"},
		{`--pattern @p.json --event @e.json`, 1, "no match\n  a: wanted \"x\"; found \"y\" at /a\n  l.b: wanted 1; found 2 at /l/0/b, 3 at /l/1/b\n"},
		{`--pattern {"a":["x"]} --event {} --json`, 1, `{"match":false,"misses":[{"path":"a","wanted":["\"x\""],"found":[]}]}` + "\n"},
		{`--pattern {"a":[{"wildcard":"*"}]} --event {"a":"x"}`, 0, "match\n"},
		{`--filter --pattern {"a":[{"wildcard":"*"}]} --event {"a":"x"}`, 2, ""},
		{`--pattern {"a":1} --event {}`, 2, ""},
		{`--pattern {"a":[1]} --event []`, 2, ""},
		{`--pattern {"a":[1]}`, 2, ""},
		{`--pattern - --event -`, 2, ""},
		{`--pattern @none --event {}`, 2, ""},
		{`extra`, 2, ""},
	} {
		status, out, stderr := execute(t.Context(), append([]string{"match"}, strings.Fields(c.args)...)...)
		if status != c.status || out != c.out || (c.status == 2) != (stderr != "") {
			t.Errorf("%s: %d %q %q, want %d %q", c.args, status, out, stderr, c.status, c.out)
		}
	}
}

// The examples of docs/patterns.md print what it says.
func TestDocumentedMatches(t *testing.T) {
	text, err := os.ReadFile("../../docs/patterns.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	for _, b := range block.FindAllStringSubmatch(string(text), -1) {
		command, want, _ := strings.Cut(b[3], "\n")
		if b[1] != "sh" {
			continue
		}
		examples++
		var args []string
		for _, m := range regexp.MustCompile(`'([^']*)'|(\S+)`).FindAllStringSubmatch(command, -1) {
			args = append(args, m[1]+m[2])
		}
		if _, out, _ := execute(t.Context(), args[2:]...); out != want {
			t.Errorf("%s\n got %q\nwant %q", command, out, want)
		}
	}
	if examples < 3 {
		t.Errorf("found only %d examples", examples)
	}
}
