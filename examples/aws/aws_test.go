package aws_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/tablecast/tablecast/config"
)

// need skips the test where a tool is missing.
func need(t *testing.T, tool, what string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Skipf("SKIPPED: %s is not on PATH: %s", tool, what)
	}
}

// run runs a tool in a directory and returns what it prints.
func run(t *testing.T, dir, tool string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CI=1", "CDK_DISABLE_CLI_TELEMETRY=true", "CDK_DISABLE_VERSION_CHECK=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", tool, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// put writes a file that may be run, and its folder.
func put(t *testing.T, path string, content []byte) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = os.WriteFile(path, content, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A template is one of CloudFormation. The SAM template is read without the tags
// of its references.
type template struct {
	Resources map[string]struct {
		Type       string         `json:"Type"`
		Properties map[string]any `json:"Properties"`
	} `json:"Resources"`
}

func samTemplate(t *testing.T) (out template) {
	t.Helper()
	b, err := yaml.YAMLToJSON(read(t, "template.yaml"))
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// of returns the properties of the resources of a type.
func (tpl template) of(kind string) (out []map[string]any) {
	for _, r := range tpl.Resources {
		if r.Type == kind {
			out = append(out, r.Properties)
		}
	}
	return out
}

// at returns what is at a path of members.
func at(v any, path ...string) any {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// settings are how the mapper reads the stream, without references.
func settings(mapping map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range mapping {
		switch name {
		case "Stream", "EventSourceArn", "FunctionName", "DestinationConfig":
		default:
			out[name] = v
		}
	}
	return out
}

// changes returns how the SAM template's mapper reads the stream.
func (tpl template) changes() map[string]any {
	return at(tpl.Resources["Mapper"].Properties, "Events", "Changes", "Properties").(map[string]any)
}

// check fails unless a template grants no more than is needed, and watches what
// can go wrong.
func (tpl template) check(t *testing.T) {
	t.Helper()
	policies := tpl.of("AWS::IAM::Policy")
	for _, role := range tpl.of("AWS::IAM::Role") {
		if role["ManagedPolicyArns"] != nil {
			t.Errorf("a role has %v", role["ManagedPolicyArns"])
		}
		inline, _ := role["Policies"].([]any)
		for _, p := range inline {
			policies = append(policies, p.(map[string]any))
		}
	}
	granted := 0
	for _, p := range policies {
		for _, s := range at(p, "PolicyDocument", "Statement").([]any) {
			granted++
			if action, resource := at(s, "Action"), at(s, "Resource"); resource == "*" && action != "dynamodb:ListStreams" {
				t.Errorf("%v is allowed on everything", action)
			}
		}
	}
	watched := map[string]int{}
	for _, a := range tpl.of("AWS::CloudWatch::Alarm") {
		watched[a["MetricName"].(string)]++
		if a["AlarmActions"] == nil {
			t.Errorf("nobody is told of %v", a["AlarmDescription"])
		}
	}
	if want := map[string]int{"IteratorAge": 1, "ApproximateNumberOfMessagesVisible": 2}; granted < 8 || !cmp.Equal(watched, want) {
		t.Errorf("%d statements; alarms on %v", granted, watched)
	}
}

// The SAM template is valid, and agrees with tablecast.yaml.
func TestTemplate(t *testing.T) {
	sam := samTemplate(t)
	sam.check(t)
	file, err := config.Load("tablecast.yaml")
	if err != nil {
		t.Fatal(err)
	}
	raised := map[string]bool{}
	for _, d := range file.Events {
		raised[d.Name] = true
		if bus := at(sam.Resources["News"].Properties, "Name"); d.Bus != bus {
			t.Errorf("%s goes to the bus %s, the template has %v", d.Name, d.Bus, bus)
		}
	}
	for _, kind := range at(sam.Resources["UserCreated"].Properties, "EventPattern", "detail-type").([]any) {
		if !raised[kind.(string)] {
			t.Errorf("the rule asks for %v, which tablecast.yaml does not raise", kind)
		}
	}
	need(t, "cfn-lint", "examples/aws/template.yaml is not checked")
	run(t, ".", "cfn-lint", "template.yaml")
}

// The CDK app makes a valid template without a network, whose mapper reads the
// stream as the SAM template's does.
func TestSynth(t *testing.T) {
	if testing.Short() {
		t.Skip("installs packages")
	}
	need(t, "npm", "examples/aws/cdk is not checked")
	need(t, "node", "examples/aws/cdk is not checked")
	dir := t.TempDir() // without the packages, the repository stays as it is
	app := filepath.Join(dir, "cdk")
	for _, name := range []string{".npmrc", "app.mjs", "cdk.json", "package.json", "package-lock.json"} {
		put(t, filepath.Join(app, name), read(t, filepath.Join("cdk", name)))
	}
	put(t, filepath.Join(dir, "build", "tablecast.zip"), []byte("stands for a build"))
	put(t, filepath.Join(dir, "build", "consumer", "bootstrap"), []byte("stands for a build"))
	if out, err := exec.CommandContext(t.Context(), "npm", "ci", "--prefix", app, "--silent").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: npm cannot install the CDK: examples/aws/cdk is not checked: %v %s", err, out)
	}
	run(t, app, filepath.Join(app, "node_modules", ".bin", "cdk"), "synth", "--quiet", "--no-notices")
	path := filepath.Join(app, "cdk.out", "Tablecast.template.json")
	var made template
	if err := json.Unmarshal(read(t, path), &made); err != nil {
		t.Fatal(err)
	}
	made.check(t)
	mappings := made.of("AWS::Lambda::EventSourceMapping")
	if len(mappings) != 1 {
		t.Fatalf("%d event source mappings", len(mappings))
	}
	if diff := cmp.Diff(settings(samTemplate(t).changes()), settings(mappings[0])); diff != "" {
		t.Errorf("the CDK app differs from the SAM template: %s", diff)
	}
	need(t, "cfn-lint", "what the CDK app makes is not checked")
	run(t, ".", "cfn-lint", "--ignore-checks", "W3005", "--template", path) // the CDK says some dependencies twice
}

// The lock file names packages and their hashes, and no registry.
func TestLockFile(t *testing.T) {
	text := string(read(t, filepath.Join("cdk", "package-lock.json")))
	if strings.Contains(text, `"resolved"`) || !strings.Contains(text, `"integrity"`) {
		t.Error("cdk/package-lock.json: run npm install with the .npmrc beside it")
	}
}

// The unit of the worker is one that systemd takes.
func TestUnit(t *testing.T) {
	need(t, "systemd-analyze", "examples/aws/tablecast-worker.service is not checked")
	dir := t.TempDir()
	program := filepath.Join(dir, "tablecast")
	put(t, program, []byte("#!/bin/sh\n"))
	unit := strings.ReplaceAll(string(read(t, "tablecast-worker.service")), "/usr/local/bin/tablecast", program)
	path := filepath.Join(dir, "tablecast-worker.service")
	put(t, path, []byte(unit))
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(run(t, dir, "systemd-analyze", "verify", "--man=no", path)) {
		if strings.Contains(line, "tablecast-worker.service") {
			t.Error(line)
		}
	}
}
