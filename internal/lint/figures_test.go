package lint

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"
)

// What the shape of the code is held to. docs/design.md tells them.
const (
	longestFunction = 60  // lines, from func to the closing brace
	longestFile     = 420 // lines
	deepestImport   = 12  // packages of this module on the longest chain of imports
	mostUnused      = 80  // exported names that no other package uses
	mostTwins       = 4   // pairs of places that share 8 lines
)

// The shape of the code: make figures prints it, and the bounds above hold.
// Tests, generated files and other modules do not count.
func TestFigures(t *testing.T) {
	fset, files := parseModule(t)
	s := measure(fset, files)
	t.Logf("%-38s %s", "production lines", fmt.Sprint(sum(s.files)))
	t.Logf("%-38s %.2f", "test lines for each", float64(s.testLines)/float64(sum(s.files)))
	t.Logf("%-38s %s", "lines of a file", spread(s.files))
	t.Logf("%-38s %s", "lines of a function", spread(s.functions))
	t.Logf("%-38s %d, %d without a comment", "packages", s.packages, s.undocumented)
	t.Logf("%-38s %d, %d without a comment", "exported names", s.exported, len(s.uncommented))
	t.Logf("%-38s %d", "exported, used by no other package", len(s.unused))
	t.Logf("%-38s %.0f", "comment lines in functions, per 1,000", 1000*float64(s.inner)/float64(sum(s.files)))
	t.Logf("%-38s %d", "runs of 8 lines that stand twice", s.twice)
	t.Logf("%-38s %d", "packages on the longest import chain", s.depth)
	if *list {
		for _, name := range s.unused {
			t.Log("used by no other package: " + name)
		}
		for _, place := range s.twins {
			t.Log("stands twice: " + place)
		}
	}
	for _, place := range s.over {
		t.Error(place)
	}
	for _, name := range s.uncommented {
		t.Errorf("%s is exported and has no comment", name)
	}
	if len(s.unused) > mostUnused {
		t.Errorf("%d exported names are used by no other package, more than %d: unexport them, or say in their comments who they are for", len(s.unused), mostUnused)
	}
	if s.twice > mostTwins {
		t.Errorf("%d pairs of places share 8 lines, more than %d: %v", s.twice, mostTwins, s.twins)
	}
	if s.depth > deepestImport {
		t.Errorf("the longest chain of imports has %d packages, more than %d", s.depth, deepestImport)
	}
}

// spread tells the median, the 90th and 99th of a hundred, and the longest.
func spread(n []int) string {
	n = slices.Sorted(slices.Values(n))
	at := func(percent int) int { return n[min(len(n)*percent/100, len(n)-1)] }
	return fmt.Sprintf("%d; median %d, p90 %d, p99 %d, longest %d", len(n), at(50), at(90), at(99), n[len(n)-1])
}

func sum(n []int) (all int) {
	for _, x := range n {
		all += x
	}
	return all
}

// A shape is what was measured.
type shape struct {
	files, functions       []int // lines of each
	testLines, inner       int   // lines of tests; lines inside functions that hold a comment
	packages, undocumented int
	exported               int
	uncommented, unused    []string // exported names
	over                   []string // places that break a bound
	twice                  int
	twins                  []string
	depth                  int
}

func measure(fset *token.FileSet, files []*source) *shape {
	s := &shape{}
	documented := map[string]bool{}
	uses := usesByOthers(files)
	for _, f := range files {
		lines := strings.Count(f.text, "\n")
		if f.test || slices.Contains(helpers, f.pkg) || strings.HasPrefix(f.pkg, "examples") {
			s.testLines += lines
			continue
		}
		documented[f.pkg] = documented[f.pkg] || f.ast.Doc != nil
		s.files = append(s.files, lines)
		if lines > longestFile {
			s.over = append(s.over, fmt.Sprintf("%s has %d lines, more than %d", f.path, lines, longestFile))
		}
		s.measureFile(fset, f, uses)
	}
	s.packages = len(documented)
	for _, ok := range documented {
		if !ok {
			s.undocumented++
		}
	}
	slices.Sort(s.unused)
	s.depth = importDepth(files)
	s.twins = twins(files)
	s.twice = len(s.twins)
	return s
}

// measureFile adds the functions, comments and exported names of one file.
func (s *shape) measureFile(fset *token.FileSet, f *source, uses map[string]bool) {
	line := func(p token.Pos) int { return fset.Position(p).Line }
	commented := map[int]bool{}
	for _, group := range f.ast.Comments {
		for n := line(group.Pos()); n <= line(group.End()); n++ {
			commented[n] = true
		}
	}
	for _, decl := range f.ast.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok {
			lines := line(fn.End()) - line(fn.Pos()) + 1
			s.functions = append(s.functions, lines)
			if lines > longestFunction {
				s.over = append(s.over, fmt.Sprintf("%s: %s has %d lines, more than %d", f.path, fn.Name, lines, longestFunction))
			}
			for n := line(fn.Pos()); n <= line(fn.End()); n++ {
				if commented[n] {
					s.inner++
				}
			}
		}
		for _, name := range exportedNames(decl) {
			s.exported++
			if !name.documented {
				s.uncommented = append(s.uncommented, f.path+": "+name.text)
			}
			if !strings.HasPrefix(f.pkg, "cmd/") && !uses[name.use(f.pkg)] {
				s.unused = append(s.unused, f.pkg+"."+name.text)
			}
		}
	}
}

// importDepth returns how many packages of the module the longest chain of
// imports has.
func importDepth(files []*source) int {
	imports := map[string]map[string]bool{}
	for _, f := range files {
		if f.test {
			continue
		}
		if imports[f.pkg] == nil {
			imports[f.pkg] = map[string]bool{}
		}
		for _, dep := range f.imports() {
			imports[f.pkg][dep] = true
		}
	}
	known := map[string]int{}
	var depth func(pkg string) int
	depth = func(pkg string) int {
		if d, ok := known[pkg]; ok {
			return d
		}
		deepest := 0
		for dep := range imports[pkg] {
			deepest = max(deepest, depth(dep))
		}
		known[pkg] = deepest + 1
		return deepest + 1
	}
	most := 0
	for pkg := range maps.Keys(imports) {
		most = max(most, depth(pkg))
	}
	return most
}
