package acceptance

import (
	"archive/zip"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/campaigntest"
)

func TestMain(m *testing.M) { campaigntest.Main(m) }

const folderFile = `
tables: { users: { key: id, stream: new-image, indexes: { by-name: { key: name } } } }
events: { Created: { from: users, on: insert, source: s } }
connections: { partner: { api-key: { name: X-Key, value: "${env:PARTNER_KEY}" } } }
rules: { all: { pattern: { source: [s] }, targets: [ { log: seen } ] } }
`

// A usedFolder is a folder that the real binary wrote in several lives, the last of
// which was ended or killed, and what must be in it.
type usedFolder struct {
	name, dir, before, config string
	items                     int
	digest                    string                  // of the code of the function hear, made over the API
	keys                      aws.CredentialsProvider // what signs requests; the folder is closed after its first life
}

// client returns the configuration of clients of a node.
func (f *usedFolder) client(endpoint string, keys aws.CredentialsProvider) aws.Config {
	return aws.Config{BaseEndpoint: aws.String(endpoint), Region: "us-east-1", Credentials: keys}
}

// createFunction makes the function hear over the API.
func (f *usedFolder) createFunction(t *testing.T, p *campaigntest.Process) {
	t.Helper()
	var code bytes.Buffer
	z := zip.NewWriter(&code)
	w, err := z.Create("app.py")
	if err == nil {
		_, err = w.Write([]byte("def handler(event, context): pass\n"))
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	made, err := lambda.NewFromConfig(f.client(p.Endpoint, f.keys)).CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String("hear"), Handler: aws.String("app.handler"), Runtime: lambdatypes.RuntimePython312,
		Role: aws.String("arn:aws:iam::000000000000:role/any"), Code: &lambdatypes.FunctionCode{ZipFile: code.Bytes()},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.digest = aws.ToString(made.CodeSha256)
}

// createKey makes an access key, which closes the folder.
func (f *usedFolder) createKey(t *testing.T, name string) aws.CredentialsProvider {
	t.Helper()
	out, err := exec.Command(campaigntest.Binary(t), "keys", "create", name, "--dir", f.dir, "--json").Output()
	var key struct{ ID, Secret string }
	if err == nil {
		err = json.Unmarshal(out, &key, json.MatchCaseInsensitiveNames(true))
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return credentials.NewStaticCredentialsProvider(key.ID, key.Secret, "")
}

// useFolder lets the binary write a folder, and keeps a copy of how it was before its
// last life.
func useFolder(t *testing.T, name string, killed bool) usedFolder {
	t.Helper()
	root := t.TempDir()
	f := usedFolder{name: name, dir: filepath.Join(root, "data"), before: filepath.Join(root, "before"), config: filepath.Join(root, "tablecast.yaml"), keys: campaigntest.Local}
	if err := os.WriteFile(f.config, []byte(folderFile), 0o600); err != nil {
		t.Fatal(err)
	}
	for life := range 3 {
		p := campaigntest.StartNode(t, f.dir, f.config)
		if life == 0 {
			f.createFunction(t, p)
		}
		for range 30 {
			f.put(t, p)
		}
		f.awaitWatermark(t, p)
		if life == 2 && killed {
			p.Kill()
			break
		}
		if err := errors.Join(p.Cmd.Process.Signal(syscall.SIGTERM), p.Cmd.Wait()); err != nil {
			t.Fatal(err, p.Output)
		}
		switch life {
		case 0:
			f.keys = f.createKey(t, "first")
		case 1:
			copyData(t, f.dir, f.before)
			f.createKey(t, "second")
		}
	}
	return f
}

func (f *usedFolder) put(t *testing.T, p *campaigntest.Process) {
	t.Helper()
	_, err := dynamodb.NewFromConfig(f.client(p.Endpoint, f.keys)).PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("users"), Item: map[string]types.AttributeValue{
		"id": &types.AttributeValueMemberS{Value: fmt.Sprint("u", f.items)}, "name": &types.AttributeValueMemberS{Value: strings.Repeat("n", 500)},
	}}, func(o *dynamodb.Options) { o.RetryMaxAttempts = 1 })
	if err != nil {
		t.Fatal(err)
	}
	f.items++
}

// awaitWatermark writes until the watermark, which follows within a second, has moved
// past what was written: only then a log that lost its end is told from one that
// was never that long.
func (f *usedFolder) awaitWatermark(t *testing.T, p *campaigntest.Process) {
	t.Helper()
	mark := func() []byte {
		b, err := os.ReadFile(filepath.Join(f.dir, "WATERMARK"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 2 { // the second move is past what was written before the first
		was := mark()
		f.put(t, p)
		for i := 0; i < 150 && bytes.Equal(mark(), was); i++ {
			<-tick.C
		}
	}
}

// dataFiles returns the files of a folder, relative to it.
func dataFiles(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && e.Name() != "BALLAST" {
			name, _ := filepath.Rel(dir, path)
			out = append(out, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// mishapsOfFiles are what careless people and tools do to one file: what becomes of
// its content, ok is false where there is no such thing. A nil content removes it.
var mishapsOfFiles = map[string]func(content []byte, name string, f *usedFolder) (out []byte, ok bool){
	"removed": func([]byte, string, *usedFolder) ([]byte, bool) { return nil, true },
	"emptied": func(content []byte, _ string, _ *usedFolder) ([]byte, bool) { return []byte{}, len(content) > 0 },
	"cut in half": func(content []byte, _ string, _ *usedFolder) ([]byte, bool) {
		return content[:len(content)/2], len(content) > 1
	},
	"from an older copy": func(content []byte, name string, f *usedFolder) ([]byte, bool) {
		old, err := os.ReadFile(filepath.Join(f.before, name))
		return old, err == nil && !bytes.Equal(old, content)
	},
	"replaced by another": func(content []byte, name string, f *usedFolder) ([]byte, bool) {
		all, _ := filepath.Glob(filepath.Join(f.dir, filepath.Dir(name), "*"+filepath.Ext(name)))
		for _, other := range all {
			have, err := os.ReadFile(other)
			if err == nil && filepath.Base(other) != "BALLAST" && len(have) > 0 && !bytes.Equal(have, content) {
				return have, true
			}
		}
		return nil, false
	},
}

// A folder opens with all that was acknowledged, or the node refuses it with the
// status of damage and names the file, whatever happened to one file of it, after a
// node that was stopped and after one that was killed.
func TestFolderMishaps(t *testing.T) {
	t.Setenv("PARTNER_KEY", "secret")
	type mishap struct {
		f          *usedFolder
		file, what string
	}
	var all []mishap
	for name, killed := range map[string]bool{"stopped": false, "killed": true} {
		f := useFolder(t, name, killed)
		for _, file := range dataFiles(t, f.dir) {
			for what := range mishapsOfFiles {
				all = append(all, mishap{&f, file, what})
			}
		}
	}
	slices.SortFunc(all, func(a, b mishap) int { return strings.Compare(a.f.name+a.file+a.what, b.f.name+b.file+b.what) })
	c := campaigntest.Start(t, "folder", "mishaps", 24)
	rng := c.Rand(0)
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	c.N = min(c.N, len(all))
	for _, m := range all[:c.N] {
		c.Done++
		content, err := os.ReadFile(filepath.Join(m.f.dir, m.file))
		if err != nil {
			t.Fatal(err)
		}
		content, ok := mishapsOfFiles[m.what](content, m.file, m.f)
		if !ok {
			continue
		}
		dir := filepath.Join(t.TempDir(), "data")
		copyData(t, m.f.dir, dir)
		if content == nil {
			err = os.Remove(filepath.Join(dir, m.file))
		} else {
			err = os.WriteFile(filepath.Join(dir, m.file), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if text := m.f.opens(t, dir, m.file); text != "" {
			t.Errorf("%s, %s %s: %s", m.f.name, m.file, m.what, text)
		}
	}
}

// opens says what is wrong with how the binary takes a folder in which something
// happened to a file; empty if nothing is.
func (f *usedFolder) opens(t *testing.T, dir, file string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(campaigntest.Binary(t), "up", "--json", "--dir", dir, "--config", f.config, "--listen", "127.0.0.1:0")
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	if line == "" {
		_ = cmd.Wait() // its status is looked at
		named := filepath.Base(file)
		if i := strings.Index(named, "marker."); i >= 0 {
			named = named[:len("marker.m")]
		}
		if cmd.ProcessState.ExitCode() != 8 || !strings.Contains(stderr.String(), named) {
			return fmt.Sprintf("status %d: %s", cmd.ProcessState.ExitCode(), &stderr)
		}
		check := exec.Command(campaigntest.Binary(t), "fsck", "--dir", dir)
		if out, _ := check.CombinedOutput(); check.ProcessState.ExitCode() != 8 { // the status tells
			return fmt.Sprintf("a node refuses it, and fsck ends with status %d: %s", check.ProcessState.ExitCode(), out)
		}
		return ""
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}()
	_, rest, _ := strings.Cut(line, `"endpoint":"`)
	endpoint, _, _ := strings.Cut(rest, `"`)
	if text := f.serves(t, endpoint); text != "" {
		return fmt.Sprintf("%s: %s", text, &stderr)
	}
	return ""
}

// serves says what a node lacks of the folder; empty if it has all.
func (f *usedFolder) serves(t *testing.T, endpoint string) string {
	t.Helper()
	tables := dynamodb.NewFromConfig(f.client(endpoint, f.keys))
	for _, index := range []*string{nil, aws.String("by-name")} {
		out, err := tables.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String("users"), IndexName: index})
		if err != nil {
			return err.Error()
		}
		if len(out.Items) != f.items {
			return fmt.Sprintf("%d items of %d are there, without a word", len(out.Items), f.items)
		}
	}
	hear, err := lambda.NewFromConfig(f.client(endpoint, f.keys)).GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("hear")})
	switch {
	case err != nil:
		return err.Error()
	case hear.Configuration.State != lambdatypes.StateActive || aws.ToString(hear.Configuration.CodeSha256) != f.digest:
		return fmt.Sprintf("the function hear is %s with the code %s", hear.Configuration.State, aws.ToString(hear.Configuration.CodeSha256))
	}
	strangers := dynamodb.NewFromConfig(f.client(endpoint, campaigntest.Local))
	if _, err := strangers.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String("users")}); err == nil {
		return "P9: the folder is not closed any more"
	}
	return ""
}
