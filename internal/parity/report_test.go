package parity

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// A deviation says where a peer differs and why ours is right. In ours and
// theirs a * stands for any text; an empty pattern takes all.
type deviation struct {
	Peers  []string `yaml:"peers"`
	Ops    []string `yaml:"operations"` // none is all
	Where  string   `yaml:"where"`      // "error" or the path of a member; empty is "error"
	Ours   string   `yaml:"ours"`
	Theirs string   `yaml:"theirs"`
	Same   string   `yaml:"same"` // without this text, both are the same
	Why    string   `yaml:"why"`
	Source string   `yaml:"source"`

	where, ours, theirs *regexp.Regexp
	met                 int
}

// loadDeviations reads the reviewed file. Unknown members and entries without
// a reason are errors.
func loadDeviations(t *testing.T) []*deviation {
	t.Helper()
	raw, err := os.ReadFile("deviations.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out []*deviation
	if err := yaml.UnmarshalWithOptions(raw, &out, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	for _, d := range out {
		if len(d.Peers) == 0 || d.Why == "" || d.Source == "" {
			t.Errorf("deviations.yaml: an entry lacks peers, why or source: %+v", *d)
		}
		if d.Where == "" {
			d.Where = "error"
		}
		d.where, d.ours, d.theirs = glob(d.Where), glob(d.Ours), glob(d.Theirs)
	}
	return out
}

// glob compiles a pattern in which * stands for any text.
func glob(pattern string) *regexp.Regexp {
	if pattern == "" {
		pattern = "*"
	}
	parts := strings.Split(pattern, "*")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	return regexp.MustCompile("(?s)^" + strings.Join(parts, ".*") + "$")
}

func (d *deviation) explains(f difference) bool {
	return slices.Contains(d.Peers, f.peer) && (len(d.Ops) == 0 || slices.Contains(d.Ops, f.op)) &&
		d.where.MatchString(f.where) && d.ours.MatchString(f.ours) && d.theirs.MatchString(f.theirs) &&
		(d.Same == "" || strings.ReplaceAll(f.ours, d.Same, "") == strings.ReplaceAll(f.theirs, d.Same, ""))
}

// A report counts explained differences and keeps the others, each kind once.
type report struct {
	deviations []*deviation
	kinds      []*finding
	index      map[string]*finding
}

// A finding is a difference that nothing explains, and where it was first met.
type finding struct {
	difference
	at      string
	request string
	count   int
}

func newReport(deviations []*deviation) *report {
	return &report{deviations: deviations, index: map[string]*finding{}}
}

func (r *report) add(at string, req request, differences []difference) {
	for _, d := range differences {
		if !r.explained(d) {
			r.keep(at, req, d)
		}
	}
}

func (r *report) explained(f difference) bool {
	for _, d := range r.deviations {
		if d.explains(f) {
			d.met++
			return true
		}
	}
	return false
}

// names are the parts of texts that differ from request to request.
var names = regexp.MustCompile(`\[[^\]]*\]|\{[^}]*\}|"[^"]*"|'[^']*'|s\d+-t\d|[:#]\w+|\d+|: [^:;,]*$`)

func (r *report) keep(at string, req request, d difference) {
	op := d.op
	if d.where == "error" && !strings.Contains(d.ours+d.theirs, "ok") {
		op = "" // one text of many operations is one finding
	}
	id := strings.Join([]string{d.peer, op, d.where, names.ReplaceAllString(d.ours, "_"), names.ReplaceAllString(d.theirs, "_")}, "\n")
	if f := r.index[id]; f != nil {
		f.count++
		return
	}
	f := &finding{d, at, req.json(), 1}
	r.index[id] = f
	r.kinds = append(r.kinds, f)
}

// fail fails the test for what nothing explains.
func (r *report) fail(t *testing.T) {
	t.Helper()
	slices.SortStableFunc(r.kinds, func(a, b *finding) int { return b.count - a.count })
	for i, f := range r.kinds {
		if i == *show {
			t.Errorf("and %d more kinds of differences", len(r.kinds)-i)
			return
		}
		t.Errorf("%d times, first at %s: %s\n  request: %.1500s", f.count, f.at, f.difference, f.request)
	}
}

// stale fails the test for entries about the peers that no request met.
func (r *report) stale(t *testing.T, peers []string) {
	t.Helper()
	for _, d := range r.deviations {
		if d.met == 0 && slices.ContainsFunc(d.Peers, func(p string) bool { return slices.Contains(peers, p) }) {
			t.Errorf("deviations.yaml: no request met this entry: %s", fmt.Sprint(d.Peers, d.Ops, d.Where, "; ours: ", d.Ours, "; theirs: ", d.Theirs))
		}
	}
}
