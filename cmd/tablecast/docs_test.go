package main

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// varies is what in the answers of commands differs from run to run.
var varies = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b1\d{20}\b|\d{4}-\d\d-\d\dT[0-9:.]+Z|\(\d+ ms\)`)

func steady(t *testing.T, s string) string {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	s = strings.ReplaceAll(s, here+string(os.PathSeparator), "")
	return varies.ReplaceAllStringFunc(s, func(found string) string {
		if strings.HasPrefix(found, "(") {
			return "(… ms)"
		}
		return "…"
	})
}

// The commands of the pages print what these say.
func TestDocumentedCommands(t *testing.T) {
	for _, page := range []string{"working.md", "contracts.md"} {
		t.Run(page, func(t *testing.T) {
			text, err := os.ReadFile("../../docs/" + page)
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			printed, shown := "", 0
			for _, b := range block.FindAllStringSubmatch(string(text), -1) {
				switch kind, name, body := b[1], b[2], b[3]; {
				case kind == "yaml":
					write(t, ".", name, body)
					if page == "working.md" && name == "tablecast.yaml" {
						upHere(t)
					}
				case name == "put":
					putUsers(t, body)
				case name == "reload":
					reload(t)
				case kind == "json" && name != "":
					write(t, ".", name, body)
				case kind == "sh":
					printed = shell(t, body, name == "fails")
					if name == "infer" {
						write(t, ".", "user-created.schema.json", printed)
					}
				case kind == "text":
					shown++
					if got := steady(t, printed); strings.TrimSpace(got) != strings.TrimSpace(body) {
						t.Errorf("printed\n%s\ndocumented\n%s", got, body)
					}
				}
			}
			if shown < 2 {
				t.Errorf("%d answers", shown)
			}
		})
	}
}

// shell executes a line of a shell.
func shell(t *testing.T, line string, fails bool) string {
	t.Helper()
	var args []string
	for _, a := range strings.Fields(line)[1:] {
		args = append(args, strings.Trim(a, "'"))
	}
	status, out, stderr := execute(t.Context(), args...)
	if (status != 0) != fails {
		t.Fatalf("%s: %d %s", line, status, stderr)
	}
	return out
}

// putUsers writes items, a line each, and waits until their changes were dealt
// with.
func putUsers(t *testing.T, lines string) {
	t.Helper()
	putAll(t, os.Getenv("AWS_ENDPOINT_URL"), lines)
	eventually(t, func() bool {
		_, out, _ := execute(t.Context(), "parked", "ls")
		return strings.Count(out, "\n") == 2
	})
}

// reload puts next.yaml in the place of the node's file and waits until it is
// in effect.
func reload(t *testing.T) {
	t.Helper()
	next, err := os.ReadFile("next.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, ".", "tablecast.yaml", "events: [")
	write(t, ".", "tablecast.yaml", string(next))
	eventually(t, func() bool {
		_, out, _ := execute(t.Context(), "dry-run")
		return strings.HasPrefix(out, "4 changes: 0 events appear, 0 vanish")
	})
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatal("waited too long")
		case <-tick.C:
		}
	}
}

// What a node refuses is told, with the status of wrong usage.
func TestRefusals(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", "tablecast.yaml", "tables: { users: { key: id } }\nevents: { E: { from: users } }\n")
	write(t, ".", "bad.yaml", "tabels: {}\n")
	write(t, ".", "users.jsonl", "{\"Item\":{\"id\":{\"S\":\"u1\"}}}\n")
	upHere(t)
	for line, want := range map[string]string{
		"explain":                            "name --table and --key or --seq, or --event",
		"explain --table none --seq 1":       "no event comes from the table: none",
		"explain --table users --key id":     "--key id is not JSON",
		"explain --table users --key 7":      "a key is an object of the key attributes",
		"dry-run --config bad.yaml":          "did you mean \"tables\"?",
		"dry-run --since yesterday":          "--since yesterday is no age",
		"backfill E":                         "name the table with --table",
		"backfill No --table users":          "no such definition: No",
		"backfill E --table none":            "no event comes from the table: none",
		"backfill E --table users --rate -1": "rate must not be negative",
		"backfill E --table users --stop":    "no backfill is under way",
		"parked drop":                        "name --event, --mapping, --seq, --key, --since or --before, or --all",
		"parked drop --table users":          "name --event, --mapping, --seq, --key, --since or --before, or --all",
		"parked ls --table none":             "no table is called none",
		"parked ls --event No":               "no event is called No",
		"parked ls --since soon":             "--since soon is no age",
		"parked redrive --before never":      "--before never is no age",
		"parked ls --state s":                "--state is about workers: add --worker",
		"parked redrive --worker --original": "--original does not go with --worker",
		"check --sample users":               "write TABLE=FILE",
		"check --sample users=none":          "no such file",
		"schema infer none":                  "no such file",
		"schema check":                       "name the other version with --against",
		"test --junit none/report.xml":       "no such file",
	} {
		status, _, stderr := execute(t.Context(), strings.Fields(line)...)
		if status != statusUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: %d %s", line, status, stderr)
		}
	}
	for _, flags := range []string{"--key {\"id\":\"u1\"}", "--seq 1", "--key {\"id\":\"u1\"} --json"} {
		line := "explain --table users " + flags
		if status, _, stderr := execute(t.Context(), strings.Fields(line)...); status != statusFailed || !strings.Contains(stderr, "no stream has a change that is asked for") {
			t.Errorf("%s: %d %s", line, status, stderr)
		}
	}
	write(t, ".", "large.jsonl", `{"Item":{"id":{"S":"u1"},"l":{"L":[`+strings.Repeat(`{"BOOL":true},`, 100_000)+`{"BOOL":true}]}}}`+"\n")
	if status, out, stderr := execute(t.Context(), "check", "--sample", "users=large.jsonl"); status != 0 {
		t.Errorf("an item of 200 KB, 1.4 MB as JSON: %d %s %s", status, out, stderr)
	}
	if status, out, stderr := execute(t.Context(), "check", "--sample", "users=users.jsonl", "--json"); status != 0 || !strings.Contains(out, `"warnings":[]`) {
		t.Errorf("%d %s %s", status, out, stderr)
	}
}

// A comment in another encoding than UTF-8 does not keep a file from a dry run.
func TestDryRunOfOtherEncoding(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", "tablecast.yaml", "tables: { users: { key: id } }\nevents: { E: { from: users } }\n")
	write(t, ".", "caf\xe9.yaml", "# caf\xe9\ntables: { users: { key: id } }\n")
	upHere(t)
	if status, out, stderr := execute(t.Context(), "dry-run", "--config", "caf\xe9.yaml"); status != 0 || !strings.HasPrefix(out, "0 changes: ") {
		t.Errorf("%d %s %s", status, out, stderr)
	}
}
