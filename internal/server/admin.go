package server

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/relay"
	"github.com/tablecast/tablecast/stream"
)

// maxAdmin is the most bytes of an administrative request: a file with those
// that it names.
const maxAdmin = 8 << 20

// A lines writes an answer of one JSON object a line, so that long work shows
// its progress.
type lines struct {
	w   http.ResponseWriter
	err error // the first failure to write
}

// shown are the options of answers: an event may have duplicate names, and what a
// target answered may be no UTF-8.
var shown = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// put writes a line. It returns false if a line could not be written, as to a client
// that is gone: what follows need not be made.
func (l *lines) put(v any) bool {
	b, err := json.Marshal(v, shown)
	if err == nil {
		_, err = l.w.Write(append(b, '\n'))
	}
	if err == nil {
		err = http.NewResponseController(l.w).Flush()
	}
	if l.err == nil {
		l.err = err
	}
	return l.err == nil
}

// admin answers a request whose body is a T with lines; the last of
// them may be {"error": MESSAGE, "usage": BOOL}.
func admin[T any](do func(ctx context.Context, in T, out *lines) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !fromHere(w, r) {
			return
		}
		var in T
		if err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, maxAdmin), &in, json.RejectUnknownMembers(true)); err != nil {
			refuse(w, http.StatusBadRequest, "the body is not what this takes: "+err.Error())
			return
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		out := &lines{w: w}
		err := do(r.Context(), in, out)
		if err == nil {
			err = out.err // a line that could not be written must not end the answer in silence
		}
		if err != nil {
			var faults config.Faults
			out.put(failure{err.Error(), errors.As(err, &faults) || usage(err)})
		}
	}
}

// fromHere refuses a request that was not signed and is not from a client on the node's
// machine, or that may be from a page of a browser, which cannot send JSON to another
// origin unasked.
func fromHere(w http.ResponseWriter, r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if awsjson.Signer(r.Context()) == "" && (err != nil || !loopback(host)) {
		refuse(w, http.StatusForbidden, "without a signature, this can be asked for on the machine of the node alone")
		return false
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "the content type must be application/json")
		return false
	}
	return true
}

// A failure is the last line of an answer that was not given; clients know it by
// its first member.
type failure struct {
	Error string `json:"error"`
	Usage bool   `json:"usage"` // the client's mistake
}

// flush sends what was written so far, the header at least.
func (l *lines) flush() {
	if err := http.NewResponseController(l.w).Flush(); l.err == nil {
		l.err = err
	}
}

// A badRequest says what the client asked wrongly.
type badRequest string

func (b badRequest) Error() string { return string(b) }

// usage reports whether an error is the client's.
func usage(err error) bool {
	if bad := badRequest(""); errors.As(err, &bad) {
		return true
	}
	for _, known := range []error{tablecast.ErrNoRelay, relay.ErrNoDefinition, relay.ErrBackfilling, relay.ErrNoBackfill, eventsource.ErrNotFound} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

type administration struct {
	node   *tablecast.Node
	recent *recent
}

// A change is a record as answers show it.
type change struct {
	Table string         `json:"table"`
	Seq   string         `json:"sequenceNumber"`
	Op    mapping.Kind   `json:"op"`
	Time  time.Time      `json:"time"`
	Keys  jsontext.Value `json:"keys"`
	Old   jsontext.Value `json:"old,omitzero"`
	New   jsontext.Value `json:"new,omitzero"`
}

func changeOf(r *stream.Record) change {
	plain := func(it item.Item) jsontext.Value {
		if it == nil {
			return nil
		}
		return item.AppendPlainItem(nil, it)
	}
	return change{r.Table(), r.Sequence(), mapping.KindOf(r), r.Time, plain(r.Keys), plain(r.Old), plain(r.New)}
}

// A raised event as answers show it.
type raised struct {
	Definition string         `json:"definition"`
	ID         string         `json:"id"`
	Bus        string         `json:"bus"`
	Source     string         `json:"source"`
	DetailType string         `json:"detailType"`
	Group      string         `json:"group"`
	Detail     jsontext.Value `json:"detail"`
}

func raisedOf(r *mapping.Raised) *raised {
	if r == nil {
		return nil
	}
	return &raised{r.Definition, r.Event.ID, r.Bus, r.Event.Source, r.Event.DetailType, r.Event.Group, r.Event.Detail}
}

type explainIn struct {
	Table   string         `json:"table"`
	Key     jsontext.Value `json:"key"` // plain JSON, or DynamoDB's
	Seq     string         `json:"seq"`
	EventID string         `json:"event"`
}

// errNoChange says that a question is about no change that can be read.
var errNoChange = errors.New("no stream has a change that is asked for: it was trimmed, or never made")

// explain answers {"change": …, "verdicts": […]} for each change. Errors:
// errNoChange.
func (a administration) explain(ctx context.Context, in explainIn, out *lines) error {
	q := tablecast.Question{Table: in.Table, Seq: in.Seq, EventID: in.EventID}
	var err error
	if q.Key, err = keyOf(in.Key); err != nil {
		return err
	}
	type verdict struct {
		Definition string    `json:"definition"`
		Raised     []*raised `json:"raised,omitzero"`
		Guard      string    `json:"guard,omitzero"`
		Reason     string    `json:"reason,omitzero"`
		Error      string    `json:"error,omitzero"`
	}
	found := false
	err = a.node.Explain(ctx, q, func(e tablecast.Explanation) bool {
		found = true
		var verdicts []verdict
		for _, v := range e.Verdicts {
			x := verdict{Definition: v.Definition, Guard: v.Guard, Reason: v.Reason}
			for i := range v.Raised {
				x.Raised = append(x.Raised, raisedOf(&v.Raised[i]))
			}
			if v.Err != nil {
				x.Error = v.Err.Error()
			}
			verdicts = append(verdicts, x)
		}
		return out.put(map[string]any{"change": changeOf(e.Record), "verdicts": verdicts})
	})
	if err == nil && !found {
		return errNoChange
	}
	return err
}

type dryRunIn struct {
	Path  string            `json:"path"`
	Text  string            `json:"text"`
	Files map[string][]byte `json:"files"`
	// Variables are the variables of the environment that the text names.
	Variables map[string]string `json:"variables"`
	Since     time.Time         `json:"since"`
	Alone     bool              `json:"alone"` // do not compare with the file in effect
}

// dryRun answers {"change": …, "was": EVENT, "is": EVENT, "wasError": …,
// "isError": …} for each difference, and {"summary": {…}} at the end. The client has
// read the files and variables that the text names: the node reads none for it, as
// the client may be a user of the machine who could not.
func (a administration) dryRun(ctx context.Context, in dryRunIn, out *lines) error {
	f, err := config.ParseClosed(in.Path, []byte(in.Text), in.Files, in.Variables)
	if err != nil {
		return err
	}
	var appear, vanish, differ, failing, healed int
	text := func(err error) string {
		if err == nil {
			return ""
		}
		return err.Error()
	}
	looked, err := a.node.DryRun(ctx, f, in.Since, in.Alone, func(d tablecast.Difference) bool {
		switch {
		case d.IsErr != nil:
			failing++
		case d.WasErr != nil:
			healed++
		case d.Was == nil:
			appear++
		case d.Is == nil:
			vanish++
		default:
			differ++
		}
		return out.put(struct {
			Change   change  `json:"change"`
			Was      *raised `json:"was,omitzero"`
			Is       *raised `json:"is,omitzero"`
			WasError string  `json:"wasError,omitzero"`
			IsError  string  `json:"isError,omitzero"`
		}{changeOf(d.Record), raisedOf(d.Was), raisedOf(d.Is), text(d.WasErr), text(d.IsErr)})
	})
	if err == nil {
		out.put(map[string]any{"summary": map[string]int{"changes": looked, "appear": appear, "vanish": vanish, "differ": differ, "failing": failing, "healed": healed}})
	}
	return err
}

type backfillIn struct {
	Event string `json:"event"`
	Table string `json:"table"`
	Rate  int    `json:"rate"`
	Stop  bool   `json:"stop"`
	Watch bool   `json:"watch"` // tell of the one that is under way, start none
}

// progressEvery is how often long work tells how far it is.
const progressEvery = 500 * time.Millisecond

// backfill starts one, or stops or watches the one that is under way, and
// answers how far it is until it is done.
func (a administration) backfill(ctx context.Context, in backfillIn, out *lines) error {
	r := a.node.Relay(in.Table)
	if r == nil {
		return fmt.Errorf("%w: %s", tablecast.ErrNoRelay, in.Table)
	}
	if in.Stop {
		return r.StopBackfill(ctx)
	}
	if !in.Watch {
		if in.Rate < 0 {
			return badRequest("rate must not be negative")
		}
		if _, err := r.StartBackfill(ctx, in.Event, uuid.NewString(), in.Rate); err != nil {
			return err
		}
	}
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		all, err := a.node.Backfills(in.Table)
		if err != nil {
			return err
		}
		busy := false
		for _, b := range all {
			if b.Definition == in.Event && !out.put(b) {
				return nil
			}
			busy = busy || b.Definition == in.Event && !b.Done
		}
		if !busy {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
