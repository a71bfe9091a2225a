package acceptance

import (
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
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

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
}

// useFolder lets the binary write a folder, and keeps a copy of how it was before its
// last life.
func useFolder(t *testing.T, name string, killed bool) usedFolder {
	t.Helper()
	root := t.TempDir()
	f := usedFolder{name: name, dir: filepath.Join(root, "data"), before: filepath.Join(root, "before"), config: filepath.Join(root, "tablecast.yaml")}
	if err := os.WriteFile(f.config, []byte(folderFile), 0o600); err != nil {
		t.Fatal(err)
	}
	for life := range 3 {
		p := campaigntest.StartNode(t, f.dir, f.config)
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
		if life == 1 {
			copyData(t, f.dir, f.before)
		}
	}
	return f
}

func (f *usedFolder) put(t *testing.T, p *campaigntest.Process) {
	t.Helper()
	_, err := p.Tables().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("users"), Item: map[string]types.AttributeValue{
		"id": &types.AttributeValueMemberS{Value: fmt.Sprint("u", f.items)}, "name": &types.AttributeValueMemberS{Value: strings.Repeat("n", 500)},
	}})
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
	for _, m := range all[:min(c.N, len(all))] {
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
		return ""
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}()
	_, rest, _ := strings.Cut(line, `"endpoint":"`)
	endpoint, _, _ := strings.Cut(rest, `"`)
	p := campaigntest.Process{Endpoint: endpoint}
	for index, want := range map[string]int{"": f.items, "by-name": f.items} {
		in := &dynamodb.ScanInput{TableName: aws.String("users")}
		if index != "" {
			in.IndexName = aws.String(index)
		}
		out, err := p.Reader().Scan(t.Context(), in)
		if err != nil {
			return fmt.Sprintf("%v: %s", err, &stderr)
		}
		if len(out.Items) != want {
			return fmt.Sprintf("%d items of %d are there, without a word", len(out.Items), want)
		}
	}
	return ""
}
