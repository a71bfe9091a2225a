package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
	"github.com/go-json-experiment/json"
)

// requireInModules gives ES modules the require that bundled CommonJS packages
// call.
const requireInModules = `import { createRequire as __tcRequire } from "node:module";` +
	` const require = __tcRequire(import.meta.url);`

// A bundle is a TypeScript handler and what it imports, as one JavaScript file
// for Node.
type bundle struct {
	name   string // of the file, without a directory
	text   []byte
	inputs []string // the files it is made of, in full, except packages
}

// bundleSource builds the file. Packages come from the project's node_modules,
// found as Node does, and become part of the bundle.
func bundleSource(s *Spec, file string) (*bundle, error) {
	format, name, banner := api.FormatCommonJS, "index.js", ""
	if isModule(file) {
		format, name, banner = api.FormatESModule, "index.mjs", requireInModules
	}
	result := api.Build(api.BuildOptions{
		EntryPoints:   []string{file},
		AbsWorkingDir: s.Dir,
		Bundle:        true,
		Platform:      api.PlatformNode,
		Target:        api.ES2022,
		Format:        format,
		Banner:        map[string]string{"js": banner},
		Sourcemap:     api.SourceMapInline,
		SourceRoot:    s.Dir + string(filepath.Separator),
		Outfile:       filepath.Join(s.Dir, name),
		Metafile:      true,
		LogLevel:      api.LogLevelSilent,
	})
	if len(result.Errors) > 0 {
		return nil, s.fault(CodeBuild, messages(result.Errors), "correct the source; packages are looked up in node_modules of its directory and above")
	}
	return &bundle{name: name, text: result.OutputFiles[0].Contents, inputs: inputs(s.Dir, result.Metafile)}, nil
}

// isModule reports whether Node would load the file, compiled, as an ES module.
func isModule(file string) bool {
	switch filepath.Ext(file) {
	case ".mts":
		return true
	case ".cts":
		return false
	}
	for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "package.json"))
		if err == nil {
			var pkg struct {
				Type string `json:"type"`
			}
			return json.Unmarshal(text, &pkg) == nil && pkg.Type == "module"
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}

// messages returns a line for each fault, with its place.
func messages(faults []api.Message) string {
	lines := make([]string, 0, len(faults))
	for _, m := range faults {
		if m.Location != nil {
			lines = append(lines, fmt.Sprintf("%s:%d:%d: %s", m.Location.File, m.Location.Line, m.Location.Column+1, m.Text))
		} else {
			lines = append(lines, m.Text)
		}
	}
	return strings.Join(lines, "\n")
}

// inputs returns the source files that a build read, except packages.
func inputs(dir, metafile string) []string {
	var meta struct {
		Inputs map[string]struct{} `json:"inputs"`
	}
	if err := json.Unmarshal([]byte(metafile), &meta); err != nil {
		return nil
	}
	var out []string
	for name := range meta.Inputs {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if !strings.Contains(filepath.ToSlash(file), "/node_modules/") && isFile(file) {
			out = append(out, file)
		}
	}
	return out
}
