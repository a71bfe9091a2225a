package lint

import (
	"flag"
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

var list = flag.Bool("names", false, "TestFigures names the exported names that no other package uses, and what stands twice")

// A name is an exported name of a package: a function, type, constant,
// variable, or Type.Method.
type name struct {
	text       string
	documented bool
}

// use is the form in which usesByOthers tells a use of the name.
func (n name) use(pkg string) string {
	if _, method, ok := strings.Cut(n.text, "."); ok {
		return "." + method
	}
	return pkg + "." + n.text
}

// exportedNames returns what a declaration exports.
func exportedNames(decl ast.Decl) []name {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if !d.Name.IsExported() {
			return nil
		}
		if d.Recv == nil {
			return []name{{text: d.Name.Name, documented: d.Doc != nil}}
		}
		of := receiver(d.Recv.List[0].Type)
		if !ast.IsExported(of) {
			return nil
		}
		return []name{{text: of + "." + d.Name.Name, documented: d.Doc != nil || slices.Contains(wellKnown, d.Name.Name)}}
	case *ast.GenDecl:
		var out []name
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() {
					out = append(out, name{text: s.Name.Name, documented: d.Doc != nil || s.Doc != nil || s.Comment != nil})
				}
			case *ast.ValueSpec:
				for _, id := range s.Names {
					if id.IsExported() {
						out = append(out, name{text: id.Name, documented: d.Doc != nil || s.Doc != nil || s.Comment != nil})
					}
				}
			}
		}
		return out
	}
	return nil
}

// receiver returns the name of a receiver's type.
func receiver(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.StarExpr:
		return receiver(x.X)
	case *ast.IndexExpr:
		return receiver(x.X)
	case *ast.IndexListExpr:
		return receiver(x.X)
	case *ast.Ident:
		return x.Name
	}
	return ""
}

// wellKnown are methods that are called through interfaces of the standard
// library, and that need no comment.
var wellKnown = []string{"Error", "Unwrap", "Is", "As", "String", "MarshalJSON", "UnmarshalJSON", "MarshalJSONTo", "UnmarshalJSONFrom"}

// usesByOthers returns what files use of other packages: "pkg.Name" for each
// name of a package, and ".Name" for each selector, which may be a method.
// Tests count as users of what helpers and production code export.
func usesByOthers(files []*source) map[string]bool {
	uses := map[string]bool{}
	selectors := map[string]map[string]bool{} // by selector, the packages that use it
	for _, f := range files {
		imported := map[string]string{} // local name to package
		for _, spec := range f.ast.Imports {
			full := strings.Trim(spec.Path.Value, `"`)
			pkg, ours := strings.CutPrefix(full, module+"/")
			if full == module {
				pkg, ours = ".", true
			}
			if !ours {
				continue
			}
			local := path.Base(full)
			if spec.Name != nil {
				local = spec.Name.Name
			}
			imported[local] = pkg
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if id, ok := sel.X.(*ast.Ident); ok {
				if pkg := imported[id.Name]; pkg != "" && (pkg != f.pkg || f.test) {
					uses[pkg+"."+sel.Sel.Name] = true
					return true
				}
			}
			if selectors[sel.Sel.Name] == nil {
				selectors[sel.Sel.Name] = map[string]bool{}
			}
			selectors[sel.Sel.Name][f.pkg] = true
			return true
		})
	}
	for sel, by := range selectors {
		// A method is used by others if two packages select its name, for one of
		// them may be its own.
		if len(by) > 1 {
			uses["."+sel] = true
		}
	}
	for _, method := range wellKnown {
		uses["."+method] = true
	}
	return uses
}

// twinLines is how many lines that are not thin make a pair worth a look.
const twinLines = 8

// twins returns the pairs of places in production code that share twinLines
// lines, one for each pair of files.
func twins(files []*source) []string {
	first := map[string]string{} // by the run of lines, where it was met
	file := map[string]string{}
	seen := map[string]bool{}
	var out []string
	for _, f := range files {
		if f.test {
			continue
		}
		lines, numbers := thick(f.text)
		for i := 0; i+twinLines <= len(lines); i++ {
			run := strings.Join(lines[i:i+twinLines], "\n")
			here := fmt.Sprintf("%s:%d", f.path, numbers[i])
			there, ok := first[run]
			if !ok {
				first[run], file[run] = here, f.path
				continue
			}
			if pair := f.path + " " + file[run]; !seen[pair] {
				seen[pair] = true
				out = append(out, here+" "+there)
			}
		}
	}
	slices.Sort(out)
	return out
}

// thick returns the lines of a file without those that every file has: blank
// ones, comments, imports, lone brackets and returns of an error.
func thick(text string) (lines []string, numbers []int) {
	_, body, ok := strings.Cut(text, "\nimport (")
	skipped := 0
	if ok {
		skipped = strings.Count(text[:len(text)-len(body)], "\n")
		text = body
	}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "//") || strings.HasPrefix(line, `"`) || len(strings.Trim(line, "{}()[],; ")) < 4 || line == "if err != nil {" || line == "return err" {
			continue
		}
		lines, numbers = append(lines, line), append(numbers, skipped+i+1)
	}
	return lines, numbers
}
