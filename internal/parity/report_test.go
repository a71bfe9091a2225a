package parity

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// A deviation says where a peer differs and why ours is right. In its texts a *
// stands for any text.
type deviation struct {
	Peers    []string `yaml:"peers"`
	Ops      []string `yaml:"operations"` // none is all
	Where    string   `yaml:"where"`      // "error" or the path of a member; empty is "error"
	Ours     texts    `yaml:"ours"`
	Theirs   texts    `yaml:"theirs"`
	Families []string `yaml:"families"` // of requests that the entry explains beside those of none
	Request  texts    `yaml:"request"`  // its JSON
	Same     string   `yaml:"same"`     // without this text, both are the same
	Why      string   `yaml:"why"`
	Source   string   `yaml:"source"`

	where *regexp.Regexp
	met   findings
}

// texts are patterns of which one fits. None takes all, which an entry about
// errors must not: that would hide what nobody has looked at.
type texts []*regexp.Regexp

// UnmarshalYAML reads one pattern or a list of them.
func (ts *texts) UnmarshalYAML(decode func(any) error) error {
	var list []string
	if err := decode(&list); err != nil {
		list = []string{""}
		if err := decode(&list[0]); err != nil {
			return err
		}
	}
	for _, pattern := range list {
		if broad.MatchString(pattern) {
			return fmt.Errorf("the pattern %q names no text", pattern)
		}
		*ts = append(*ts, glob(pattern))
	}
	return nil
}

// broad matches patterns that name an exception at most.
var broad = regexp.MustCompile(`^(\d+ )?\**(\w+Exception: ?)?\*+$`)

func (ts texts) match(s string) bool {
	return ts == nil || slices.ContainsFunc(ts, func(re *regexp.Regexp) bool { return re.MatchString(s) })
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
		if d.Where == "error" && d.Same == "" && (d.Theirs == nil || d.Ours == nil && d.Request == nil) {
			t.Errorf("deviations.yaml: an entry about errors must name both answers, or theirs and the request: %s", d)
		}
		d.where, d.met = glob(d.Where), findings{}
	}
	return out
}

// glob compiles a pattern in which * stands for any text.
func glob(pattern string) *regexp.Regexp {
	parts := strings.Split(pattern, "*")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	return regexp.MustCompile("(?s)^" + strings.Join(parts, ".*") + "$")
}

func (d *deviation) explains(f difference) bool {
	return slices.Contains(d.Peers, f.peer) && (len(d.Ops) == 0 || slices.Contains(d.Ops, f.op)) &&
		d.where.MatchString(f.where) && d.Ours.match(f.ours) && d.Theirs.match(f.theirs) &&
		(d.Same == "" || strings.ReplaceAll(f.ours, d.Same, "") == strings.ReplaceAll(f.theirs, d.Same, ""))
}

// about reports whether an entry speaks of requests like this one.
func (d *deviation) about(st step) bool {
	named := st.family == "" || slices.Contains(d.Families, st.family) || slices.Contains(d.Families, "all")
	return named && d.Request.match(st.json())
}

// A report keeps the differences that no entry explains. Each entry keeps those
// that it explains.
type report struct {
	deviations  []*deviation
	unexplained findings
	families    map[string]*tally
}

// A tally counts the requests of a family: all, and those that a peer answered
// as Tablecast did.
type tally struct{ made, same int }

// findings are differences, each kind once.
type findings map[string]*finding

// A finding is a kind of difference, how often it was met, and where first.
type finding struct {
	difference
	at      string
	family  string
	request string
	count   int
}

func newReport(deviations []*deviation) *report {
	return &report{deviations: deviations, unexplained: findings{}, families: map[string]*tally{}}
}

func (r *report) add(at string, st step, differences []difference) {
	for _, d := range differences {
		r.holder(st, d).keep(at, st, d)
	}
}

// count counts a request of a family.
func (r *report) count(family string, same bool) {
	if family == "" {
		return
	}
	n := r.families[family]
	if n == nil {
		n = &tally{}
		r.families[family] = n
	}
	n.made++
	if same {
		n.same++
	}
}

// tell prints how often each family was generated, and that no deviation hides
// one: a difference is explained by an entry that names the family, or fails. A
// family that no peer ever answers as Tablecast does compares nothing: in the long
// run it fails, too.
func (r *report) tell(t *testing.T, long bool) {
	t.Helper()
	unexplained := map[string]int{}
	for _, f := range r.unexplained {
		unexplained[f.family] += f.count
	}
	for _, f := range families {
		n := r.families[f.name]
		if n == nil {
			n = &tally{}
		}
		t.Logf("%s: %d requests, %d answered alike; of the differences %d are explained by no entry that names the family", f.name, n.made, n.same, unexplained[f.name])
		if long && n.same == 0 {
			t.Errorf("%s: no peer answers as Tablecast does", f.name)
		}
	}
}

// holder returns the findings of the first entry that explains a difference, or
// those that nothing explains.
func (r *report) holder(st step, f difference) findings {
	for _, d := range r.deviations {
		if d.explains(f) && d.about(st) {
			return d.met
		}
	}
	return r.unexplained
}

// names are the parts of texts that differ from request to request.
var names = regexp.MustCompile(`\[[^\]]*\]|\{[^}]*\}|"[^"]*"|'[^']*'|s\d+-t\d|[:#]\w+|\d+|: [^:;,]*$`)

func (fs findings) keep(at string, st step, d difference) {
	op := d.op
	if d.where == "error" && !strings.Contains(d.ours+d.theirs, "ok") {
		op = "" // one text of many operations is one finding
	}
	id := strings.Join([]string{d.peer, st.family, op, d.where, names.ReplaceAllString(d.ours, "_"), names.ReplaceAllString(d.theirs, "_")}, "\n")
	if f := fs[id]; f != nil {
		f.count++
		return
	}
	fs[id] = &finding{d, at, st.family, st.json(), 1}
}

// sorted returns the findings, the most frequent first.
func (fs findings) sorted() []*finding {
	return slices.SortedFunc(maps.Values(fs), func(a, b *finding) int {
		return cmp.Or(b.count-a.count, strings.Compare(a.String(), b.String()))
	})
}

// fail fails the test for what nothing explains.
func (r *report) fail(t *testing.T) {
	t.Helper()
	for i, f := range r.unexplained.sorted() {
		if i == *show {
			t.Errorf("and %d more kinds of differences", len(r.unexplained)-i)
			return
		}
		t.Errorf("%d times, first at %s: %s\n  request: %.1500s", f.count, f.at, f.difference, f.request)
	}
}

// explain prints what each entry explained, for the review of the file.
func (r *report) explain(t *testing.T) {
	t.Helper()
	for _, d := range r.deviations {
		t.Logf("ENTRY %s", d)
		for _, f := range d.met.sorted() {
			t.Logf("%d times, first at %s: %s\n  request: %.600s", f.count, f.at, f.difference, f.request)
		}
	}
}

func (d *deviation) String() string {
	return fmt.Sprint(d.Peers, d.Ops, d.Where, "; ours: ", d.Ours, "; theirs: ", d.Theirs)
}

// stale fails the test for entries about the peers that no request met.
func (r *report) stale(t *testing.T, peers []string) {
	t.Helper()
	for _, d := range r.deviations {
		if len(d.met) == 0 && slices.ContainsFunc(d.Peers, func(p string) bool { return slices.Contains(peers, p) }) {
			t.Errorf("deviations.yaml: no request met this entry: %s", d)
		}
	}
}
